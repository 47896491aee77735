"""What the layout agent can do: place turbines on an elevation grid, in plain Python."""
