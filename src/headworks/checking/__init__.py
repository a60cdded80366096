"""What is found out of a configuration before it serves: its files, its contracts, and what only a call would find."""
