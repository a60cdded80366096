"""The Anthropic dialect: what the official SDKs send and expect on /v1/messages, for any chat target."""
