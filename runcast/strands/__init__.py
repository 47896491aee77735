"""Listening to Strands agents: `track` makes what an agent does the steps of a run.

Only `track` and what it imports need Strands; `outcome` does not, so that whoever only ends runs need not wait for it.
"""
