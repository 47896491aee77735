"""Runcast: record the runs of Strands agents and show them to their users, live and without gaps.

The package is what any agent needs to be recorded and watched, and nothing more: `record` makes steps durable,
`live` sends them to whoever is watching, `strands` listens to an agent, and `client` (an extra) watches a run.
It knows neither Chalice nor any particular agent. Import from the modules; nothing heavy is imported here, because
every import costs a cold start.
"""

__version__ = "0.1.0"
