"""Servers: bytes in, RawRequest to the app, Reply out. Nothing else knows a server."""
