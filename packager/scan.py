"""Scans the module with checkov: `make checkov`.

The functions are generated JSON, in which checkov resolves no variables and fails on dynamic blocks. So it scans a copy
of the module in which the functions are written in HCL, like the other files.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import hcl2

from packager.build import EXPORT_NAME

_PROJECT = Path(__file__).resolve().parent.parent
_CHECKOV = _PROJECT / ".local" / "checkov-venv" / "bin" / "checkov"
_BLOCKS = ("environment", "tracing_config")
_SOURCES = ("*.tf", ".checkov.yaml")


def scan(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run checkov on a project's packaged module, with the settings in `terraform/.checkov.yaml`.

    Args:
        project: The project, or a copy of its module, with the export in `terraform/`.
        arguments: More arguments for checkov.

    Returns:
        The finished process with its output. The exit code is 1 if there are findings that are not skipped, else 0.
    """
    source = project / "terraform"
    with tempfile.TemporaryDirectory() as directory:
        module = Path(directory, "terraform")
        module.mkdir()
        for pattern in _SOURCES:
            for file in source.glob(pattern):
                shutil.copy(file, module)
        export = json.loads((source / EXPORT_NAME).read_text())
        (module / "functions.tf").write_text(as_hcl(export["resource"]["aws_lambda_function"]))
        return subprocess.run(
            [str(_CHECKOV), "--directory", str(module), *arguments], capture_output=True, text=True, check=False
        )


def as_hcl(functions: dict[str, dict[str, Any]]) -> str:
    """Convert exported functions from Terraform's JSON to HCL."""
    resources = [
        {'"aws_lambda_function"': {json.dumps(name): _block(_body(function))}} for name, function in functions.items()
    ]
    return hcl2.dumps({"resource": resources})


def _body(function: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in function.items():
        if name == "dynamic":
            body[name] = [
                {json.dumps(each): _block(_value(block) | {"content": [_block(_value(block["content"]))]})}
                for each, block in value.items()
            ]
        elif name == "depends_on":
            body[name] = [f"${{{address}}}" for address in value]
        else:
            body[name] = [_block(_value(value))] if name in _BLOCKS else _value(value)
    return body


def _value(value: Any) -> Any:
    """Convert a value for the HCL writer: quote texts, but not expressions."""
    match value:
        # A single expression; quoted texts within it may contain others.
        case str() if re.fullmatch(r"\$\{(?:(?!\$\{).|(?<=\")\$\{)*\}", value):
            return value
        case str():
            return json.dumps(value)
        case dict():
            return {name: _value(each) for name, each in value.items()}
        case list():
            return [_value(each) for each in value]
    return value


def _block(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"__is_block__": True}


def main() -> int:
    """Run checkov, print its output and return its exit code."""
    done = scan(_PROJECT, "--quiet")
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.returncode == 0:
        print("No findings except those skipped with a reason.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
