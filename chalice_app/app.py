"""The entry points of Runcast: Lambda handlers and REST routes. Each one calls the module that does the work.

Each entry point imports its module on its first call. All Lambdas share this file, and the publisher and the reader
must not load what only an agent needs. A route's docstring becomes its description in API Gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from chalice.app import Chalice, CognitoUserPoolAuthorizer, Request, Response
from chalicelib.runtime import cold_start

cold_start.begin()
# The library logs under the name "runcast" too; Chalice would silence its warnings.
app = Chalice(app_name="runcast", configure_logs=False)

# Without scopes it takes ID tokens only. Terraform resolves the reference.
users = CognitoUserPoolAuthorizer("users", provider_arns=["${local.user_pool_arn}"])


@app.middleware("all")
def begin(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Attach the invocation's id to all log lines that follow. The first invocation ends the cold start."""
    from chalicelib.runtime.logs import begin_invocation

    begin_invocation(event.lambda_context if isinstance(event, Request) else event.context)
    try:
        return get_response(event)
    finally:
        cold_start.end()


@app.middleware("http")
def answer(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Give all responses the same error format and the CORS headers."""
    from chalicelib.api.http import admit_origin, in_one_form

    response = in_one_form(get_response(request))
    admit_origin(request, response)
    return response


@app.route("/runs", methods=["POST"], authorizer=users)
def post_run() -> Response:
    """Start a run."""
    from chalicelib.api.rest import post_run

    return post_run(_request())


@app.route("/jobs", methods=["POST"], authorizer=users)
def post_job() -> Response:
    """Start a job."""
    from chalicelib.api.rest import post_job

    return post_job(_request())


@app.route("/uploads", methods=["POST"], authorizer=users)
def post_upload() -> Response:
    """Sign the upload of a file that a run can name."""
    from chalicelib.api.rest import post_upload

    return post_upload(_request())


@app.route("/runs", methods=["GET"], authorizer=users)
def get_runs() -> Response:
    """List the caller's runs and jobs."""
    from chalicelib.api.rest import get_runs

    return get_runs(_request())


@app.route("/runs", methods=["DELETE"], authorizer=users)
def delete_runs() -> Response:
    """Delete what is stored of the caller's runs and jobs."""
    from chalicelib.api.rest import delete_runs

    return delete_runs(_request())


@app.route("/runs/{request_id}", methods=["GET"], authorizer=users)
def get_run(request_id: str) -> Response:
    """Read what a run or a job has done so far."""
    from chalicelib.api.rest import get_run

    return get_run(_request(), request_id)


@app.route("/runs/{request_id}", methods=["DELETE"], authorizer=users)
def delete_run(request_id: str) -> Response:
    """Cancel a run or a job."""
    from chalicelib.api.rest import delete_run

    return delete_run(_request(), request_id)


@app.route("/runs/{request_id}/answers", methods=["POST"], authorizer=users)
def post_answers(request_id: str) -> Response:
    """Answer the questions of a waiting run."""
    from chalicelib.api.rest import post_answers

    return post_answers(_request(), request_id)


@app.route("/conversations", methods=["GET"], authorizer=users)
def get_conversations() -> Response:
    """List the caller's conversations."""
    from chalicelib.api.rest import get_conversations

    return get_conversations(_request())


@app.route("/conversations/{conversation_id}", methods=["GET"], authorizer=users)
def get_conversation(conversation_id: str) -> Response:
    """Read a conversation with its messages."""
    from chalicelib.api.rest import get_conversation

    return get_conversation(_request(), conversation_id)


@app.route("/conversations/{conversation_id}", methods=["DELETE"], authorizer=users)
def delete_conversation(conversation_id: str) -> Response:
    """Delete a conversation."""
    from chalicelib.api.rest import delete_conversation

    return delete_conversation(_request(), conversation_id)


@app.route("/agents", methods=["GET"], authorizer=users)
def get_agents() -> Response:
    """List the agents and the playbooks."""
    from chalicelib.api.rest import get_agents

    return get_agents(_request())


@app.route("/health", methods=["GET"])
def get_health() -> Response:
    """Check whether runs can be started and read."""
    from chalicelib.api.rest import get_health

    return get_health()


@app.route("/runs", methods=["OPTIONS"])
@app.route("/runs/{request_id}", methods=["OPTIONS"])
@app.route("/runs/{request_id}/answers", methods=["OPTIONS"])
@app.route("/jobs", methods=["OPTIONS"])
@app.route("/uploads", methods=["OPTIONS"])
@app.route("/conversations", methods=["OPTIONS"])
@app.route("/conversations/{conversation_id}", methods=["OPTIONS"])
@app.route("/agents", methods=["OPTIONS"])
@app.route("/health", methods=["OPTIONS"])
def preflight(**_: str) -> Response:
    """Answer a browser's CORS preflight."""
    return Response(body="", status_code=204)


@app.lambda_function(name="agent")
def agent(event: Any, context: Any) -> Any:
    """Run one agent."""
    from chalicelib.agents.runner import run_agent

    cold_start.end()  # before the user's code, which may need the collector
    return run_agent(event, context)


@app.lambda_function(name="run_starter")
def run_starter(event: Any, _: Any) -> Any:
    """Answer the mutations, which start, answer, cancel or delete runs, jobs and conversations, and sign uploads."""
    from chalicelib.api.mutations import answer_mutation

    return answer_mutation(event)


@app.lambda_function(name="progress_reader")
def progress_reader(event: Any, _: Any) -> Any:
    """Answer the queries: read or list the caller's runs, jobs and conversations, or list the agents and playbooks."""
    from chalicelib.api.queries import answer_query

    return answer_query(event)


@app.lambda_function(name="orchestrator")
def orchestrator(event: Any, _: Any) -> Any:
    """Execute one state of a job's state machine."""
    from chalicelib.orchestrator.states import run_state

    return run_state(event)


@app.lambda_function(name="run_closer")
def run_closer(event: Any, context: Any) -> Any:
    """End runs whose worker has died."""
    from chalicelib.lifecycle.closer import close_runs

    return close_runs(event, context)


@app.lambda_function(name="status_publisher")
def status_publisher(event: Any, _: Any) -> Any:
    """Send status messages to the users who are watching."""
    from chalicelib.publisher.publish import publish_event

    return publish_event(event)


def _request() -> Request:
    """Return the current request, which is always set inside a route."""
    return cast("Request", app.current_request)
