"""The command that `make lock-providers` runs. The command itself needs a provider registry."""

import os
import subprocess
from pathlib import Path


def test_the_lock_is_written_for_each_system_in_the_root_that_is_named(project: Path, tmp_path: Path):
    terraform = tmp_path / "terraform"
    terraform.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n')
    terraform.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--no-print-directory", "lock-providers", "TF_DIR=roots/mine"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    systems = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
    assert (tmp_path / "arguments").read_text().splitlines() == [
        "-chdir=roots/mine",
        "providers",
        "lock",
        *(f"-platform={system}" for system in systems),
    ]
