"""Checks the table against botocore and the schema file: every argument must lead somewhere, with a correct name."""

import re
from pathlib import Path

import botocore.session
import pytest

from local.terraform_provider.data_sources import data_sources
from local.terraform_provider.entry import Call
from local.terraform_provider.fields import schema_types
from local.terraform_provider.gaps import gaps_markdown
from local.terraform_provider.table import ENTRIES, resource_types
from local.terraform_provider.values import locate

SESSION = botocore.session.get_session()
METHODS = {}


def operation(service, name):
    """An operation's model by boto3's name of it."""
    if service not in METHODS:
        client = SESSION.create_client(
            service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        METHODS[service] = client.meta
    meta = METHODS[service]
    return meta.service_model.operation_model(meta.method_to_api_mapping[name])


def paths(block):
    for field in block.values():
        yield field
        yield from paths(field.block)


def leads_nowhere(block, shapes, handled):
    """The settable, carried arguments that no request holds and no facet or hook takes."""
    for field in block.values():
        if field.refused or field.path in handled or not (field.optional or field.required):
            continue
        found = [place[1] for shape in shapes if field.sent_as and (place := locate(shape, field.sent_as))]
        if not found:
            yield field.path
        elif field.type is None:
            members = [shape.member if shape.type_name == "list" else shape for shape in found]
            yield from leads_nowhere(field.block, members, handled)


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_argument_is_sent_or_has_calls_of_its_own_or_is_refused(name):
    kind = resource_types()[name]
    entry = kind.entry
    shapes = [operation(entry.service, call.operation).input_shape for call in (entry.create, entry.update) if call]
    handled = {"region", "tags"} | entry.by_hook | {path for facet in entry.facets for path in facet.names}
    assert list(leads_nowhere(kind.block, shapes, handled)) == []


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_word_of_an_entry_is_an_argument_of_its_type(name):
    kind = resource_types()[name]
    entry = kind.entry
    known = {field.path for field in paths(kind.block)}
    said = {
        *entry.rename,
        *entry.read_as,
        *entry.defaults,
        *entry.only,
        *entry.absent,
        *entry.cleared,
        *entry.volatile,
        *entry.derived,
        *(path for facet in entry.facets for path in facet.names),
        *entry.required,
        *entry.computed,
        *entry.refused,
        *entry.sets,
        *entry.json,
        *entry.forces,
        *entry.sensitive,
        *entry.kept,
        *entry.unread,
        *entry.undeclared,
        *entry.by_hook,
    }
    assert said - known == set()


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_operation_exists_and_takes_the_parameters_given(name):
    entry = ENTRIES[name]
    for call in (entry.create, entry.read, entry.update, entry.delete):
        if isinstance(call, Call):
            model = operation(entry.service, call.operation)
            assert set(call.given) <= set(model.input_shape.members)
            assert not call.answer or call.answer in model.output_shape.members


def test_the_schema_file_holds_what_is_carried_and_no_more():
    assert set(schema_types()) == set(ENTRIES) | {f"data.{name}" for name in data_sources()}


def test_the_gaps_name_what_is_refused_and_what_is_not_answered():
    rows = {row.split("|")[1].strip(" `"): row for row in gaps_markdown().splitlines()[2:]}
    assert set(rows) == set(ENTRIES) | {f"data {name}" for name in data_sources()}
    assert "`global_secondary_index.hash_key`" in rows["aws_dynamodb_table"]
    assert "`billing_mode` other than `PAY_PER_REQUEST`" in rows["aws_dynamodb_table"]
    assert "`log_config`" in rows["aws_appsync_graphql_api"]
    assert gaps_markdown() == gaps_markdown()


def test_it_carries_what_the_module_uses_and_no_more():
    module = Path(__file__).parents[3] / "terraform"
    text = "\n".join(file.read_text() for file in module.glob("*.tf"))
    used = set(re.findall(r'^resource "(aws_\w+)"', text, re.MULTILINE))  # Terraform brings terraform_data
    assert set(ENTRIES) == used | {"aws_lambda_function"}  # which Chalice's export brings
