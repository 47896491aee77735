"""An agent in plain Python: the function of your own Lambda, without Strands and without a model.

Name its function in Terraform's `agent_functions` as `weather`, and users and playbooks run it as any other agent.
"""

from typing import Any

from runcast import BaseAgent


def mean(speeds: list[float]) -> float:
    """Return the mean of some wind speeds."""
    return sum(speeds) / len(speeds)


class Weather(BaseAgent):
    """Says how windy it is."""

    def execute(self, query: str, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - it needs no query
        """Return the mean wind speed, as a text and as a fact."""
        speed = self.invoke_tool(mean, {"speeds": parameters["speeds"]}, reason="the year as a whole counts")
        return {"text": f"The wind blows at {speed} m/s.", "facts": {"meanSpeed": {"value": speed, "unit": "m/s"}}}


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one run: the Lambda's handler."""
    return Weather("weather").handle_execution(event, context)
