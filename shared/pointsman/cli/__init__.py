"""The operator's command line: it parses, calls and prints; what is true is decided elsewhere."""
