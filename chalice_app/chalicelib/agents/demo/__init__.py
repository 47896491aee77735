"""The demonstration's agents and their data. Nothing else knows of this folder: it can be deleted."""
