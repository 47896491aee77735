"""Shared by the demo's agents: the turbine and wind data, findings as facts, and the settings of a run's caller."""
