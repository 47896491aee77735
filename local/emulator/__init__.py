"""The local AWS endpoint: MiniStack in one process, with what its AppSync, API Gateway, Lambda and Bedrock lack."""
