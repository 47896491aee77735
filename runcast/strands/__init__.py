"""Listens to Strands agents: `track` records what an agent does as the steps of a run.

Only `track` and its imports need Strands. `outcome` does not, so code that only ends runs does not import Strands.
"""
