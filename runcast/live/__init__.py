"""The live channel: sends status messages without harming the sender."""
