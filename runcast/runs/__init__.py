"""The run that an agent works for, whatever the agent is made of.

Nothing here imports Strands, so code that only ends runs starts without it.
"""
