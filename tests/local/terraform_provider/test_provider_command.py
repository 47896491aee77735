"""The provider as the process that Terraform starts."""

import subprocess
import sys

import psutil

from local.settings import ROOT

# Starts the provider, says who it is once it serves, and goes without a word.
TERRAFORM = """
import os, subprocess, sys
provider = subprocess.Popen([sys.executable, "-m", "local.terraform_provider"], stdout=subprocess.PIPE, text=True)
provider.stdout.readline()
print(provider.pid, flush=True)
os._exit(0)
"""


def test_it_ends_with_the_terraform_that_started_it(tmp_path):
    cookie = {"TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"}
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **cookie}
    done = subprocess.run(
        [sys.executable, "-c", TERRAFORM], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    try:
        provider = psutil.Process(int(done.stdout))
    except psutil.NoSuchProcess:
        return
    gone, _ = psutil.wait_procs([provider], timeout=30)
    assert gone == [provider]
