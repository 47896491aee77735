"""The two APIs, GraphQL and REST, and the identity of the caller."""
