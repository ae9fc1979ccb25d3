"""Moving bytes in and out: the landing archive, folders, SFTP drops.

A connector brings bytes and never looks into them. What it has seen it keeps in a cursor, a string for the caller to
store; it asks no clock. Frame files are the business of :mod:`decoders.framefiles`.
"""
