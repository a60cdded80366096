"""The OpenAI dialect: what the official SDKs send and expect under /v1, for endpoints of any target."""
