"""Third-party AI services as targets: one folder a provider, one operation a file, one HTTP client."""
