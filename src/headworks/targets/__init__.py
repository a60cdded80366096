"""What can answer a call."""
