"""The doors of Runcast: its Lambdas, each handing over to the module that does the work.

Each door imports its own module when it is first opened, because they all share this file: the publisher and the
reader must not wait for what only an agent needs.
"""

from __future__ import annotations

from typing import Any

from chalice.app import Chalice

# The library logs under the name "runcast" too; Chalice would silence its warnings.
app = Chalice(app_name="runcast", configure_logs=False)


@app.lambda_function(name="agent")
def agent(event: Any, context: Any) -> Any:
    """Run one agent."""
    from chalicelib.agents.runner import run_agent

    return run_agent(event, context)


@app.lambda_function(name="run_starter")
def run_starter(event: Any, _: Any) -> Any:
    """Answer `Mutation.startAgentRun`."""
    from chalicelib.graphql import start_agent_run

    return start_agent_run(event)


@app.lambda_function(name="progress_reader")
def progress_reader(event: Any, _: Any) -> Any:
    """Answer `Query.getAgentProgress`."""
    from chalicelib.graphql import get_agent_progress

    return get_agent_progress(event)


@app.lambda_function(name="status_publisher")
def status_publisher(event: Any, _: Any) -> Any:
    """Send status messages to whoever is watching."""
    from chalicelib.publisher.publish import publish_event

    return publish_event(event)
