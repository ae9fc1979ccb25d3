"""Frame bytes to tables.

Pure functions of their arguments: no clock, file, network or setting. A scalar reference decoder
(:mod:`decoders.scalar`) says what is right, one telegram at a time; the batch decoder (:mod:`decoders.batch`) does the
same for whole columns.
"""
