"""The Lambda `status_publisher`: sends status messages through AppSync to the users who are watching."""
