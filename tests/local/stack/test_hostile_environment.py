"""A developer's shell and AWS configuration do not affect the tests: runs some of them in a hostile shell."""

import os
import subprocess
import sys

from local.settings import ROOT

SHELL = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "COLUMNS": "20",
    "LANG": "C",
    "TZ": "Pacific/Apia",
    "AWS_PROFILE": "nosuch",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
}
CONFIG = "[default]\nregion = mars-1\nendpoint_url = http://127.0.0.1:1\ncredential_process = /bin/false\n"
TESTS = (
    "tests/local/stack/test_local_settings.py",
    *(f"tests/unit/client/{name}.py" for name in ("test_sign_in", "terminal/test_view", "terminal/test_job_view")),
    "tests/unit/live",
)


def test_the_suite_in_a_hostile_shell(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **SHELL}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
