"""One machine's store, in a file."""
