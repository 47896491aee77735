"""The local AWS endpoint: MiniStack in one process with what it lacks of AppSync, Lambda isolation and Bedrock."""
