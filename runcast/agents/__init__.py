"""Makes agents record their runs: `track` for Strands agents, `BaseAgent` for plain Python."""
