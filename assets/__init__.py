"""Declares the graph: assets, checks, partitions and resources.

An asset is thin: it reads, calls the core, writes and reports. What it computes stands in ``decoders``, ``registry``
and ``warehouse``.
"""
