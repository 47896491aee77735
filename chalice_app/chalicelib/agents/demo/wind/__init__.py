"""What the demonstration's agents share: the turbine and the wind, and what the caller of a run has set."""
