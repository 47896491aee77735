"""The command `runcast` and what it prints."""
