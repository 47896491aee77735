"""Every call that reads or writes for a run is in the table of docs/contracts.md, with the identity that decides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import boto3

from runcast.record.store import RunStore

PROJECT = Path(__file__).parents[2]
SOURCES = {"runcast": PROJECT / "runcast", "chalicelib": PROJECT / "chalice_app" / "chalicelib"}
SERVICES = ("dynamodb", "events", "lambda", "s3", "stepfunctions")
# These names are other things' methods, too: Strands' agents, the invoker of a job's agents, and the store's table.
OTHERS = {
    ("chalicelib/agents/part_work.py", "agent.invoke_async"),
    ("chalicelib/agents/part_work.py", "checkpointed.invoke"),
    ("chalicelib/agents/runner.py", "parts.invoke"),
    ("runcast/agents/checkpoints.py", "agent.invoke_async"),
    ("runcast/agents/in_parts.py", "work.invoke"),
    ("chalicelib/orchestrator/states.py", "invoker.invoke"),
    ("runcast/record/reads.py", "table.scan"),
}


def aws_operations() -> set[str]:
    about = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    clients = [boto3.client(service, **about) for service in SERVICES]
    return set().union(
        *(client.meta.method_to_api_mapping for client in clients),
        {"generate_presigned_post", "generate_presigned_url", "get_paginator"},
    )


def receiver(node: ast.expr) -> str:
    """The last name of what a method is called on, without its leading underscore and what made it."""
    match node:
        case ast.Attribute():
            return node.attr.lstrip("_")
        case ast.Name():
            return node.id
        case ast.Call():
            return receiver(node.func) + ("()" if isinstance(node.func, ast.Name) else "")
    return ""


def calls(tree: ast.AST, within: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """Each method call: the function that it is in, what it is called on, and the method."""
    for node in ast.iter_child_nodes(tree):
        inside = (*within, node.name) if isinstance(node, ast.ClassDef | ast.FunctionDef) else within
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ".".join(inside), receiver(node.func.value), node.func.attr
        yield from calls(node, inside)


def stores(tree: ast.AST) -> Iterator[str]:
    """The names of all that is said to be, or is made as, a store of runs."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name, annotation=ast.Name(id="RunStore")):
                yield name
            case ast.AnnAssign(target=target, annotation=ast.Name(id="RunStore")):
                yield receiver(target)
            case ast.Assign(targets=[target], value=ast.Call(func=made)) if receiver(made).lower().endswith("store"):
                yield receiver(target)


def made_in_python() -> set[tuple[str, str]]:
    of_aws = aws_operations()
    of_the_store = {name for name in dir(RunStore) if not name.startswith("_")}
    found = set()
    for package, folder in SOURCES.items():
        for file in folder.rglob("*.py"):
            path = f"{package}/{file.relative_to(folder)}"
            if path.startswith("runcast/client/"):  # it calls the APIs alone
                continue
            for function, on, method in calls(ast.parse(file.read_text())):
                is_access = method in of_aws or (method in of_the_store and "store" in on)
                if is_access and (path, f"{on}.{method}") not in OTHERS:
                    found.add((f"{path} {function}", f"{on}.{method}"))
    return found


def made_in_resolvers() -> set[tuple[str, str]]:
    return {
        (f"graphql/resolvers/{file.name}", operation)
        for file in (PROJECT / "graphql" / "resolvers").glob("*.js")
        for operation in re.findall(r"operation: '([A-Z]\w+)'", file.read_text())
    }


def listed() -> list[list[str]]:
    document = (PROJECT / "docs" / "contracts.md").read_text()
    text = document.split("<!-- accesses -->\n")[1].split("<!-- /accesses -->")[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()[2:]]


def test_every_access_is_listed_with_whose_it_is_and_no_other():
    rows = [(function.replace("`", ""), call.replace("`", "")) for function, call, _, _ in listed()]
    assert len(set(rows)) == len(rows)
    assert set(rows) == made_in_python() | made_in_resolvers()


def test_each_row_says_whose_identity_decides_and_where_it_is_compared():
    assert all(all(row) and len(row) == 4 for row in listed())


def test_a_new_call_is_seen_wherever_it_is_made():
    new = "class A:\n def b(self):\n  x = self._s3_client().get_object(Key=1)\n  def c(): return store.read('r')\n"
    assert set(calls(ast.parse(new))) >= {("A.b", "s3_client", "get_object"), ("A.b.c", "store", "read")}


def test_every_store_is_called_so_and_its_calls_are_seen():
    """The calls of a store that has another name would not be compared with the table."""
    found = ["x = clients.run_store(t)", "self._runs = RunStore(c, t)", "def f(runs: RunStore): ...", "y: RunStore = z"]
    assert [name for text in found for name in stores(ast.parse(text))] == ["x", "runs", "runs", "y"]
    for folder in SOURCES.values():
        for file in folder.rglob("*.py"):
            assert all("store" in name for name in stores(ast.parse(file.read_text()))), file
