"""Own models: worker processes, the channel to them, batching, loading."""
