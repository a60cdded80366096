"""API keys: their text, their store, who a caller is."""
