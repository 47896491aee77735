"""The simulation agent's tools and their algorithms: a wind farm's annual energy, in plain Python."""
