"""What the terrain agent can do: analyse an elevation grid, in plain Python."""
