"""AppSync's data plane: GraphQL over HTTP and the real-time protocol."""
