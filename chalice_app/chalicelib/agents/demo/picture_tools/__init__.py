"""The picture agent's tool, and what it reads PNG files with."""
