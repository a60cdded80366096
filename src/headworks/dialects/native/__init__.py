"""The native wire forms: how JSON, forms, raw bodies, CSV and event streams are read and written; no policy."""
