"""Wire forms: between a caller's bytes and a Call or an Outcome. No policy."""
