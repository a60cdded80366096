"""Headworks: the API layer for AI."""
