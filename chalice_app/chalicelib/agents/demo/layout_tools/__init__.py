"""The layout agent's tool and its algorithm: placing turbines on an elevation grid, in plain Python."""
