"""Shows the module to checkov: `make checkov`.

The functions are generated JSON, where checkov follows no variable and stumbles over dynamic blocks. So it is given a
copy of the module in which they are written as its other files are, and looks at all of it at once.
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
    """Let checkov look at a project's packaged module, with the settings in `terraform/.checkov.yaml`.

    Args:
        project: Holds `terraform/` with the export in it.
        arguments: More of checkov's own.

    Returns:
        How checkov ended, with what it printed: 0 if it has found nothing that is not skipped, else 1.
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
    """Write exported functions, as Terraform's JSON has them, in Terraform's own language."""
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
    """Return a value as the writer of HCL wants it: texts in quotation marks, expressions without."""
    match value:
        # One expression from end to end; in quotation marks within it there may be others.
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
    """Print what checkov says; return its exit code."""
    done = scan(_PROJECT, "--quiet")
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.returncode == 0:
        print("Nothing but what is skipped, with its reason.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
