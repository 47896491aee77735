"""Alarms and dashboards."""

from local.terraform_provider.entry import Call, Client, Entry, State, Tagging, words


def _read_alarm(client: Client, state: State) -> State | None:
    """Alarms are listed by name, never asked for singly."""
    found: list[State] = client.describe_alarms(AlarmNames=[state["id"]], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    return found[0] if found else None


ENTRIES = {
    "aws_cloudwatch_metric_alarm": Entry(
        service="cloudwatch",
        create=Call("put_metric_alarm"),
        read=_read_alarm,
        update=Call("put_metric_alarm"),
        delete=Call("delete_alarms", given={"AlarmNames": "{id}"}),
        id="{alarm_name}",
        rename={"arn": "AlarmArn", "ok_actions": "OKActions"},
        required=words("comparison_operator evaluation_periods metric_name namespace period statistic threshold"),
        refused=words(
            "evaluate_low_sample_count_percentiles evaluation_criteria evaluation_interval extended_statistic"
            " metric_query threshold_metric_id"
        ),
        defaults={"actions_enabled": True, "treat_missing_data": "missing"},
        sets=words("alarm_actions insufficient_data_actions ok_actions"),
        forces=words("alarm_name"),
        tags=Tagging(),
    ),
    "aws_cloudwatch_dashboard": Entry(
        service="cloudwatch",
        create=Call("put_dashboard"),
        read=Call("get_dashboard", given={"DashboardName": "{id}"}),
        update=Call("put_dashboard"),
        delete=Call("delete_dashboards", given={"DashboardNames": "{id}"}),
        id="{dashboard_name}",
        json=words("dashboard_body"),
        forces=words("dashboard_name"),
    ),
}
