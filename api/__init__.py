"""Serves figures to programs over HTTP. The routes follow; the layer and its place in the import order stand."""
