"""The durable, encrypted, tamper-evident record of every call."""
