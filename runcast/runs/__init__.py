"""The run that an agent works for, for every kind of agent.

Nothing here imports Strands, so code that only ends runs starts without it.
"""
