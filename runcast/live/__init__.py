"""The live channel: what a status message is, and how one is sent without ever harming the sender."""
