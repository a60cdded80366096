"""Turns packages from the Python registry into the demo's models, data and sample inputs, once."""
