"""The protocol's handlers, called as Terraform calls them, against a real emulator."""

import json

import pytest
from tf.gen import tfplugin_pb2 as pb

from local.terraform_provider.entry import UNKNOWN
from local.terraform_provider.service import NOTICE, Provider, pack, servicer, unpack
from local.terraform_provider.table import resource_types

GROUP = "aws_cloudwatch_log_group"


@pytest.fixture
def provider(emulator, monkeypatch):
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    provider = Provider(emulator.environment)
    (notice,) = provider.configure(None)["diagnostics"]
    assert (notice.severity, notice.summary) == (pb.Diagnostic.WARNING, NOTICE)
    assert emulator.url in notice.detail
    return provider


def config(**values):
    return {field.name: field.null for field in resource_types()[GROUP].block.values()} | values


def planned(provider, wanted, prior=None):
    request = pb.PlanResourceChange.Request(
        type_name=GROUP,
        config=pack(wanted),
        prior_state=pack(prior),
        proposed_new_state=pack(wanted if prior is None else {**prior, **{k: v for k, v in wanted.items() if v}}),
        prior_private=b'{"was": "there"}',
    )
    return unpack(provider.plan(request)["planned_state"])


def apply(provider, prior, plan):
    request = pb.ApplyResourceChange.Request(
        type_name=GROUP, prior_state=pack(prior), planned_state=pack(plan), planned_private=b'{"was": "there"}'
    )
    return provider.apply(request)


def test_a_creation_that_fails_half_way_leaves_the_resource_in_the_state(provider, emulator):
    answer = apply(provider, None, planned(provider, config(name="half", retention_in_days=2)))
    (failure,) = answer["diagnostics"]
    assert "aws_cloudwatch_log_group: InvalidParameterException" in failure.summary
    state = unpack(answer["new_state"])
    assert state["id"] == "half"
    assert set(state) == set(resource_types()[GROUP].block)
    assert UNKNOWN not in state.values()
    assert unpack(apply(provider, state, None)["new_state"]) is None
    assert emulator.client("logs").describe_log_groups(logGroupNamePrefix="half")["logGroups"] == []


def test_an_update_that_fails_keeps_the_state_and_what_is_remembered_with_it(provider):
    created = unpack(apply(provider, None, planned(provider, config(name="kept", retention_in_days=7)))["new_state"])
    answer = apply(provider, created, planned(provider, config(name="kept", retention_in_days=2), created))
    assert "retentionInDays" in answer["diagnostics"][0].detail
    assert unpack(answer["new_state"]) == created
    assert answer["private"] == b'{"was": "there"}'
    apply(provider, created, None)


def test_a_resource_lives_in_its_own_region(provider, emulator):
    created = unpack(apply(provider, None, planned(provider, config(name="far", region="eu-west-1")))["new_state"])
    assert created["arn"] == "arn:aws:logs:eu-west-1:000000000000:log-group:far"
    assert emulator.client("logs").describe_log_groups(logGroupNamePrefix="far")["logGroups"] == []
    apply(provider, created, None)


def test_deleting_what_is_gone_succeeds(provider):
    created = unpack(apply(provider, None, planned(provider, config(name="gone")))["new_state"])
    assert unpack(apply(provider, created, None)["new_state"]) is None
    assert "diagnostics" not in apply(provider, created, None)
    request = pb.ReadResource.Request(type_name=GROUP, current_state=pack(created))
    assert unpack(provider.read(request)["new_state"]) is None


def test_a_stored_state_is_put_into_the_words_of_the_schema():
    stored = {"name": "g", "foreign": 1}
    request = pb.UpgradeResourceState.Request(type_name=GROUP, raw_state=pb.RawState(json=json.dumps(stored).encode()))
    assert unpack(Provider({}).upgrade(request)["upgraded_state"]) == config(name="g")


def test_every_failure_becomes_a_diagnostic():
    server = servicer({})(None)
    answer = server.ReadDataSource(pb.ReadDataSource.Request(type_name="aws_region", config=pack({})), None)
    assert answer.diagnostics[0].detail == "Terraform has not configured the provider"
    answer = server.ConfigureProvider(pb.ConfigureProvider.Request(), None)
    assert answer.diagnostics[0].severity == pb.Diagnostic.ERROR
    assert "Set AWS_ENDPOINT_URL and AWS_REGION" in answer.diagnostics[0].detail


def test_values_are_unpacked_from_either_encoding():
    assert unpack(pack({"a": [1, UNKNOWN]})) == {"a": [1, UNKNOWN]}
    assert unpack(pb.DynamicValue(json=b'{"a": 1}')) == {"a": 1}
    assert unpack(pb.DynamicValue()) is None
