"""Answers that are given again: kept in memory for a while, sealed, and never across callers."""
