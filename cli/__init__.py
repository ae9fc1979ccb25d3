"""The command line: words to calls, results to standard output, messages to standard error. No logic of its own."""

import os

# Read when Polars is imported. Memory that is given back after its half a second is most often wanted again at once:
# a quarter of the processor went into clearing the same pages of a large ingest.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:30000")
