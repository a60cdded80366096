"""Where durable things are kept: SQLite files, their one writer thread, and queries by name."""
