"""Device files: which records of a meter family feed which canonical columns. One file a family."""
