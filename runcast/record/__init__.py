"""The durable record of runs: its model, the table that stores it, who writes it and who reads it."""
