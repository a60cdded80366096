"""The command line: it parses words and calls, it decides nothing."""
