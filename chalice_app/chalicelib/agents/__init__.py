"""The agents and the Lambda handler that runs them.

An agent is a file here (in `demo` for the demo's agents) that defines `build(run)`, which returns a Strands agent. The
registry finds the file; it needs no registration.
"""
