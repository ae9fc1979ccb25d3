"""The command line: words to calls, results to standard output, messages to standard error. No logic of its own."""
