"""The Lambda `status_publisher`: brings status messages to whoever is watching, through AppSync."""
