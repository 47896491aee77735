"""The resolvers return the recorded values in two evaluators, and follow the rules of AppSync's runtime."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
GRAPHQL = REPOSITORY / "graphql"
RESOLVERS = GRAPHQL / "resolvers"
CASES = Path(__file__).parent / "cases"
MINISTACK_PYTHON = REPOSITORY / ".local" / "ministack-venv" / "bin" / "python"
TIMEOUT_SECONDS = 120

FORBIDDEN = {
    "no-async": "export async function request() { return {}; }",
    "no-try": "export function request() { try { return {}; } catch { return null; } }",
    "no-for": "export function request() { for (let i = 0; i < 3; i += 1) { return i; } return {}; }",
    "no-disallowed-unary-operators": "export function request() { let i = 0; i++; return i; }",
    "no-while": "export function request() { while (true) { return {}; } }",
    "no-regex": "export function request(ctx) { return ctx.args.id.match(/a/); }",
    "no-recursion": "export function request(ctx) { return request(ctx); }",
    "no-disallowed-methods": "export function request() { return 'a'.repeat(3); }",
}


@pytest.fixture(scope="module", autouse=True)
def tools():
    for needed in (GRAPHQL / "node_modules" / ".bin" / "eslint", MINISTACK_PYTHON):
        if not needed.exists():
            pytest.fail(f"{needed.relative_to(REPOSITORY)} is missing: run make setup")


def test_every_recorded_case_is_reproduced():
    done = run("node", "--test", "tests/graphql/resolvers.test.mjs")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_evaluator_that_runs_locally_agrees():
    files = [file for file in sorted(CASES.glob("*/*.json")) if not {"authType", "nowMs"} & read_json(file).keys()]
    cases = [read_json(file) for file in files]

    answers = evaluate_in_ministack(
        {"code": resolver(file.parent.name), "handler": case["handler"], "context": case["context"]}
        for file, case in zip(files, cases, strict=True)
    )

    expected = [{key: case["expected"][key] for key in case["expected"].keys() & {"value", "error"}} for case in cases]
    names = [f"{file.parent.name}/{file.name}" for file in files]
    assert dict(zip(names, answers, strict=True)) == dict(zip(names, expected, strict=True))
    assert {file.parent.name for file in files} == {file.stem for file in RESOLVERS.glob("*.js")}


def test_the_claim_names_are_replaceable_as_plain_text():
    code = resolver("Subscription.onStatusUpdate")
    for statement, replacement in (
        ("const USER_ID_CLAIM = 'sub';", "const USER_ID_CLAIM = 'email';"),
        ("const TENANT_ID_CLAIM = 'custom:tenantId';", "const TENANT_ID_CLAIM = 'custom:org';"),
    ):
        assert code.count(statement) == 1
        code = code.replace(statement, replacement)
    claims = {"token_use": "id", "sub": "x", "custom:tenantId": "x", "email": "ana@acme.org", "custom:org": "acme"}
    context = {"args": {"userId": "ana@acme.org"}, "identity": {"claims": claims}}

    [answer] = evaluate_in_ministack([{"code": code, "handler": "request", "context": context}])

    assert answer["value"]["key"] == {"tenantId": {"S": "acme"}, "userId": {"S": "ana@acme.org"}}


def test_the_resolvers_pass_the_rules_and_types_of_the_runtime():
    done = run("npm", "--prefix", "graphql", "run", "lint")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lint_refuses_what_the_runtime_does_not_have(tmp_path):
    for name in ("eslint.config.js", "package.json", "tsconfig.json"):
        shutil.copy(GRAPHQL / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(GRAPHQL / "node_modules")
    (tmp_path / "resolvers").mkdir()
    for rule, code in FORBIDDEN.items():
        (tmp_path / "resolvers" / f"{rule}.js").write_text(code)

    done = run("npx", "--no-install", "eslint", "--format", "json", "resolvers", cwd=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    found = {Path(report["filePath"]).stem: report["messages"] for report in json.loads(done.stdout)}
    assert {
        rule for rule, messages in found.items() if f"@aws-appsync/{rule}" in {m["ruleId"] for m in messages}
    } == set(FORBIDDEN)


def test_every_dependency_is_pinned_and_no_registry_is_named():
    pins = read_json(GRAPHQL / "package.json")["devDependencies"]
    lock = read_json(GRAPHQL / "package-lock.json")["packages"]

    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values()), pins
    assert lock[""]["devDependencies"] == pins
    assert not [name for name, package in lock.items() if "resolved" in package]


def resolver(field):
    return (RESOLVERS / f"{field}.js").read_text()


def read_json(file):
    return json.loads(file.read_text())


def evaluate_in_ministack(calls):
    script = str(Path(__file__).with_name("ministack_evaluate.py"))
    done = run(str(MINISTACK_PYTHON), script, input=json.dumps(list(calls)))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(*command, cwd=REPOSITORY, **options):
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False, **options
    )
