"""Every variable of the module: the plan with its default, with another value, and refused values."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jmespath
import pytest
from packaging.specifiers import SpecifierSet

from local.terraform import Plan, Terraform, TerraformFailed, prepare
from packager.build import EXPORT_NAME
from packager.platforms import ARCHITECTURES, DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME, RUNTIMES
from tests.terraform.applied import Aws, Stack
from tests.terraform.refused_variables import AT_ODDS, REFUSED
from tests.terraform.variables import EFFECTS, EFFECTS_EVERYWHERE, NAMED_WITHIN, NAMES, OWN_POOL, SET


def planned(module: Path, work_dir: Path, aws: Aws, variables: Mapping[str, Any]) -> Plan:
    """What the module would make of nothing, as if it had been packaged for the processors that are asked for."""
    made = Stack(module, work_dir, aws.endpoint, dict(variables))
    export = work_dir / "terraform" / EXPORT_NAME
    architecture = variables.get("lambda_architecture", DEFAULT_ARCHITECTURE)
    runtime = variables.get("lambda_runtime", DEFAULT_RUNTIME)
    text = export.read_text().replace(f'chitecture": "{DEFAULT_ARCHITECTURE}"', f'chitecture": "{architecture}"')
    export.write_text(text.replace(f'runtime": "{DEFAULT_RUNTIME}"', f'runtime": "{runtime}"'))
    return made.terraform.plan()


@pytest.fixture(scope="module")
def by_default(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(module, tmp_path_factory.mktemp("default"), aws, {})


@pytest.fixture(scope="module")
def with_all_set(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(module, tmp_path_factory.mktemp("set"), aws, SET)


@pytest.fixture(scope="module")
def with_own_pool(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(module, tmp_path_factory.mktemp("pool"), aws, OWN_POOL)


@pytest.fixture(scope="module")
def variables(project: Path) -> dict[str, str]:
    """Every variable of the module, with what is said of it."""
    sources = "\n".join(path.read_text() for path in (project / "terraform").glob("*.tf"))
    return dict(re.findall(r'^variable "(\w+)" {\n(.*?)^}', sources, re.MULTILINE | re.DOTALL))


def test_no_variable_is_left_out(variables: dict[str, str]):
    assert {row[0] for row in [*EFFECTS, *EFFECTS_EVERYWHERE]} == variables.keys()
    assert SET.keys() | OWN_POOL.keys() == variables.keys()
    assert REFUSED.keys() == {name for name, block in variables.items() if "validation {" in block}


@pytest.mark.parametrize(("variable", "address", "path", "default", "other"), EFFECTS)
def test_a_variable_has_its_effect(
    by_default: Plan,
    with_all_set: Plan,
    with_own_pool: Plan,
    variable: str,
    address: str,
    path: str,
    default: Any,
    other: Any,
):
    plan = with_own_pool if variable in OWN_POOL else with_all_set
    assert jmespath.search(path, by_default.planned.get(address, {})) == default
    assert jmespath.search(path, plan.planned.get(address, {})) == other


@pytest.mark.parametrize(("variable", "attribute", "default", "other"), EFFECTS_EVERYWHERE)
def test_a_variable_has_its_effect_on_everything_that_can_take_it(
    by_default: Plan, with_all_set: Plan, variable: str, attribute: str, default: Any, other: Any
):
    for plan, value in ((by_default, default), (with_all_set, other)):
        found = {address: each[attribute] for address, each in plan.planned.items() if attribute in each}
        assert found
        assert found == dict.fromkeys(found, value)


def test_every_name_begins_with_the_prefix(by_default: Plan, with_all_set: Plan):
    for plan, prefixed in ((by_default, False), (with_all_set, True)):
        for address, name in names(plan):
            assert name.startswith(SET["name_prefix"]) is prefixed, address


def names(plan: Plan) -> Iterator[tuple[str, str]]:
    """Every name that the account and region see, without the folder that AWS's services want of a log group."""
    for address, values in plan.planned.items():
        kind = address.partition(".")[0]
        if kind in NAMES and NAMES[kind] in values:  # a log group of AppSync's has the API's id
            yield address, re.sub("^/aws/(?:vendedlogs/)?[a-z]+/", "", values[NAMES[kind]])
        else:
            assert kind in {*NAMES, *NAMED_WITHIN, "data", "terraform_data"}, kind


TURNS = [
    {name: values[turn] for name, values in REFUSED.items() if turn < len(values)}
    for turn in range(max(map(len, REFUSED.values())))
]


@pytest.fixture(scope="module")
def refusals(module: Path, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    """What Terraform says to each turn's bad values. One plan calls the module once for each turn."""
    work_dir = tmp_path_factory.mktemp("refused")
    prepare(module, work_dir)
    root = work_dir / "terraform"
    root.rename(work_dir / "called")
    root.mkdir()
    (work_dir / "called" / "backend_override.tf").rename(root / "backend.tf")
    blocks = []
    for turn, bad in enumerate(TURNS):
        arguments = "".join(f"  {name} = {json.dumps(value)}\n" for name, (value, _) in bad.items())
        blocks.append(f'module "turn{turn}" {{\n  source = "../called"\n{arguments}}}\n')
    (root / "main.tf").write_text("".join(blocks))
    terraform = Terraform(work_dir, aws.endpoint.environment)
    terraform.init()
    with pytest.raises(TerraformFailed) as caught:
        terraform.plan()
    said = " ".join(str(caught.value).replace("│", " ").split())
    one = r'Error: Invalid value for variable on main\.tf line \d+, in module "turn(\d+)": (.*?) This was checked by'
    found = re.findall(one, said)
    return {turn: [text for number, text in found if int(number) == turn] for turn in range(len(TURNS))}


@pytest.mark.parametrize("turn", range(len(TURNS)))
def test_a_bad_value_is_refused_with_what_is_allowed(refusals: dict[int, list[str]], turn: int):
    for name, (_, message) in TURNS[turn].items():
        assert [each for each in refusals[turn] if f" var.{name}" in each and message in each], (name, refusals[turn])


@pytest.mark.parametrize(("values", "messages"), AT_ODDS)
def test_values_that_do_not_go_together_are_refused(
    module: Path, aws: Aws, tmp_path: Path, values: dict[str, Any], messages: list[str]
):
    with pytest.raises(TerraformFailed) as caught:
        Stack(module, tmp_path, aws.endpoint, values).terraform.plan()
    said = " ".join(str(caught.value).replace("│", " ").split())
    assert re.findall("Error: (.*?) on ", said) == ["Resource precondition failed"] * len(messages), said
    assert [message for message in messages if message not in said] == [], said


def test_the_default_runtime_is_packaged_by_default_and_every_runtime_can_be(variables: dict[str, str], project: Path):
    block = variables["lambda_runtime"]
    assert re.search('default += "(.+)"', block)[1] == DEFAULT_RUNTIME
    assert tuple(re.findall(r'"(python[\d.]+)"', block.split("condition")[1].splitlines()[0])) == RUNTIMES
    assert f"RUNTIME ?= {DEFAULT_RUNTIME}\n" in (project / "Makefile").read_text()


def test_the_default_architecture_is_packaged_by_default_and_every_one_can_be(variables: dict[str, str], project: Path):
    block = variables["lambda_architecture"]
    assert re.search('default += "(.+)"', block)[1] == DEFAULT_ARCHITECTURE
    assert set(re.findall(r'"(\w+)"', block.split("condition")[1].splitlines()[0])) == set(ARCHITECTURES)
    assert f"ARCHITECTURE ?= {DEFAULT_ARCHITECTURE}\n" in (project / "Makefile").read_text()


def test_no_validation_looks_beyond_its_variable(variables: dict[str, str]):
    """Before 1.9 Terraform knew no other, and would say so instead of that it is too old."""
    for name, block in variables.items():
        for validation in re.findall(r"^  validation {\n.*?^  }", block, re.MULTILINE | re.DOTALL):
            assert set(re.findall(r"\b(?:var|local|data|module|aws_\w+)\.\w+", validation)) == {f"var.{name}"}


def test_a_provider_out_of_range_is_refused(module: Path, aws: Aws, tmp_path: Path):
    made = Stack(module, tmp_path, aws.endpoint, {})
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "terraform" / ".terraform.lock.hcl").unlink()
    [offered] = (tmp_path / "mirror").glob("registry.terraform.io/*/*/*")
    for version in ("6.36.0", "7.0.0"):
        shutil.copytree(offered, offered.with_name(version))
    shutil.rmtree(offered)
    with pytest.raises(TerraformFailed) as caught:
        made.terraform.init()
    said = " ".join(str(caught.value).replace("│", " ").split())
    assert "no available releases match the given constraints >= 6.37.0, < 7.0.0" in said


def test_the_range_of_terraform_ends_where_it_was_tried(project: Path):
    """Terraform itself refuses what its own version does not fit; here is that the range means what it should."""
    versions = (project / "terraform" / "versions.tf").read_text()
    allowed = SpecifierSet(re.search(r'required_version = "(.+)"', versions)[1])
    tried = {version: version in allowed for version in ("1.8.5", "1.9.0", "1.15.5", "2.0.0")}
    assert tried == {"1.8.5": False, "1.9.0": True, "1.15.5": True, "2.0.0": False}
