"""Serves figures to programs over HTTP; the door (``gateway``) says who asks."""
