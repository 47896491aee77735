"""The terrain agent's tools and their algorithms: analysing an elevation grid, in plain Python."""
