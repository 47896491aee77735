"""The doors' two languages: GraphQL and REST, and who is calling."""
