"""The `curl` lines of the documents, run as they stand."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from local.settings import ROOT
from tests.e2e.conftest import AGENT

DOCUMENTS = ("README.md", "docs/operations.md")


def curl_blocks(document: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / document).read_text(), flags=re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.search(r"\bcurl\b", block)]


@pytest.mark.parametrize(
    ("document", "way"), [*((name, "API Gateway") for name in DOCUMENTS), ("README.md", "chalice local")]
)
def test_the_curl_lines_work_as_they_stand(document, way, stack, dev, alice, tmp_path: Path):
    # curl's own settings make a refusal a failure, without a word added to the lines.
    (tmp_path / ".curlrc").write_text('fail-with-body\nmax-time = 60\nnoproxy = "127.0.0.1"\n')
    path = ":".join(part for part in os.environ["PATH"].split(":") if part != str(ROOT / ".venv" / "bin"))
    environment = {"PATH": path, "HOME": str(tmp_path)}
    if document == "docs/operations.md":
        # The page has got these two a block earlier, from Terraform and from AWS's own command.
        environment |= {"REST_URL": stack.state.outputs["rest_url"], "ID_TOKEN": alice.id_token}
        before = ""
    else:
        before = f". {shlex.quote(str(stack.state.directory / 'env'))}\n"
    if way == "chalice local":
        before += f"export RUNCAST_REST_URL={dev.url}\n"
    blocks = curl_blocks(document)
    assert blocks, f"{document} has no block of shell with curl in it"
    for block in blocks:
        block = block.replace('"terrain"', json.dumps(AGENT))  # as a reader does who has removed the demonstration's
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", before + block],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(re.findall(r"^curl\b", block, flags=re.MULTILINE))
        assert answers[0] == {"status": "ok", "checks": {"agentProgressTable": "ok", "agentFunction": "ok"}}
        started, read = answers[-2:]
        assert started["requestId"] == read["requestId"]
        assert read["success"] is True
