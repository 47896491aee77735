"""The module's files are formatted, valid and described, without provider and backend."""

import re
import subprocess
import zipfile
from pathlib import Path

from local.settings import REGION
from local.terraform import Terraform, find_terraform, prepare


def test_the_files_are_formatted(project: Path):
    done = subprocess.run(
        [*find_terraform(), "fmt", "-check", "-diff", str(project / "terraform")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_module_is_valid_without_a_warning(module: Path, tmp_path: Path):
    prepare(module, tmp_path)
    terraform = Terraform(tmp_path, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": REGION})
    terraform.init()
    assert terraform.validate().strip() == "Success! The configuration is valid."


def test_it_holds_no_provider_and_no_backend(project: Path):
    sources = "\n".join(path.read_text() for path in (project / "terraform").glob("*.tf"))
    assert not re.search(r"^\s*(provider|backend)\s", sources, re.MULTILINE)


def test_variables_and_outputs_are_described(project: Path):
    for name in ("variables.tf", "outputs.tf"):
        blocks = re.split(r"^(?=variable|output)", (project / "terraform" / name).read_text(), flags=re.MULTILINE)
        for block in filter(None, blocks):
            assert re.search(r'^  description = "[A-Z].*\."$', block, re.MULTILINE), block


def test_the_zip_is_as_small_as_lambda_wants_it(module: Path):
    """Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""
    package = module / "terraform" / "deployment.zip"
    with zipfile.ZipFile(package) as archive:
        unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
    assert (package.stat().st_size < 50 * 1024**2, unpacked_bytes < 250 * 1024**2) == (True, True)


def test_no_queue_topic_or_bucket_invokes_a_function(project: Path):
    """A loop through one of them would not be found on this machine."""
    sources = "\n".join(path.read_text() for path in (project / "terraform").glob("*.tf*"))
    triggers = ("aws_lambda_event_source_mapping", "aws_sns_topic_subscription", "aws_s3_bucket_notification")
    assert [trigger for trigger in triggers if trigger in sources] == []
