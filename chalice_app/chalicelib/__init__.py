"""What the Lambdas do. Each imports only its own part, because every import costs a cold start."""
