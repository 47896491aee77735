"""The live channel: the format of status messages, and how to send them without harming the sender."""
