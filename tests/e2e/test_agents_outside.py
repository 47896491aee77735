"""A clean clone and a folder of agents beside it: what its author types, from `make new` to the clone's next commit."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from local.settings import ROOT
from tests.e2e.conftest import free_port
from tests.terraform.test_package_own_agents import make_wheel

HELLO = '''"""Reads the price."""

import os

import boto3
from prices import price
from strands import Agent, tool


@tool
def price_of(text: str) -> str:
    """Return the price of a text."""
    key = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["PRICES_KEY"])["SecretString"]
    return f"{price()} {os.environ['CURRENCY']} with {key}"


def build(run):
    return Agent(name="hello", model=run.model, tools=[price_of], callback_handler=None)
'''
SETTINGS = """agent = {
  environment = { CURRENCY = "EUR" }
  secrets     = { PRICES_KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prices-AbCdEf" }
  policy_json = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::my-prices/*"}]
    }
  JSON
}
"""
SUMMARY = re.compile(r"^(run|job) \S+: complete,.* (\d+) missing$", re.MULTILINE)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_an_agent_with_a_package_a_secret_a_variable_and_a_permission_leaves_the_clone_clean(tmp_path: Path):
    clone, folder, wheels = tmp_path / "clone", tmp_path / "mine", tmp_path / "wheels"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=clone, capture_output=True, text=True, check=True).stdout
    for name in files.split("\0")[:-1]:
        os.utime(clone / name, (0, 0))  # nothing is newer than what is installed, so nothing is installed again
    for installed in (".venv", ".local", "graphql/node_modules", "web/node_modules"):
        (clone / installed).parent.mkdir(exist_ok=True)
        (clone / installed).symlink_to(ROOT / installed)
    wheels.mkdir()
    make_wheel(wheels, "pricelist", text="PRICE = 2.5\n")
    left_out = ("MAKE", "MFLAGS", "AGENTS", "RUNCAST_LOCAL_DIR", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    environment |= {"UV_FIND_LINKS": str(wheels), "RUNCAST_LOCAL_DIR": str(tmp_path / "stack"), "PRICES_KEY": "k1"}
    environment |= {name: str(free_port()) for name in ("RUNCAST_LOCAL_PORT", "RUNCAST_LOCAL_MODEL_PORT")}
    environment |= {"PYTHONPATH": str(clone)}  # not the project that the tests are in

    def make(*arguments: str) -> str:
        done = subprocess.run(["make", *arguments], cwd=clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status() -> str:
        done = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
        return "\n".join(
            line for line in done.stdout.splitlines() if not line.endswith((".venv", ".local", "node_modules"))
        )

    make("new", "AGENTS=../mine")
    (folder / "hello.py").write_text(HELLO)
    (folder / "prices.py").write_text("import pricelist\n\n\ndef price():\n    return pricelist.PRICE\n")
    (folder / "requirements.txt").write_text("pricelist\n")
    (folder / "agent.tfvars").write_text(SETTINGS)
    for commit in ("this commit", "the next commit"):
        if commit == "the next commit":
            author = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
            (clone / "chalice_app" / "chalicelib" / "agents" / "__init__.py").write_text('"""The next commit."""\n')
            subprocess.run(["git", *author, "commit", "-qam", "Change the clone"], cwd=clone, check=True)
        shown = make("demo")
        assert SUMMARY.findall(shown)[-2:] == [("run", "0"), ("job", "0")], shown
        assert "price_of: 2.5 EUR with k1" in shown
        assert status() == ""
