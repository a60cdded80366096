"""Rates and concurrency."""
