"""What the simulation agent can do: a wind farm's energy in a year, in plain Python."""
