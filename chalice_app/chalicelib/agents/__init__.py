"""The agents, and what runs them.

An agent is one file here (or, for the demo's, in `demo`) that defines `build(run)` and returns a Strands Agent.
Putting the file here is all it takes: the registry finds it.
"""
