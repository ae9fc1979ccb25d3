"""The command line: words to calls, results to standard output, messages to standard error. No logic of its own."""

import os

# Read when Polars is imported. Memory that is given back within its half a second is most often wanted again at once:
# a tenth of an ingest's time went into clearing the same pages.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000")
