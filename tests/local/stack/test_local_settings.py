"""Settings of the local machine: defaults, what each variable sets, and every problem named at once."""

from pathlib import Path

import pytest

from local.settings import ROOT, InvalidSettings, Settings


def test_without_variables_the_defaults_hold():
    assert Settings.from_environment({}) == Settings()


def test_each_variable_sets_its_value():
    settings = Settings.from_environment(
        {
            "RUNCAST_LOCAL_PORT": "5001",
            "RUNCAST_LOCAL_MODEL_PORT": "5002",
            "RUNCAST_LOCAL_DIR": "/var/run/runcast",
            "LOCAL_MODEL_URL": "http://127.0.0.1:11434/",
        }
    )
    assert settings == Settings(5001, 5002, Path("/var/run/runcast"), "http://127.0.0.1:11434")


def test_a_relative_directory_is_taken_from_the_root():
    assert Settings.from_environment({"RUNCAST_LOCAL_DIR": "build/x"}).directory == ROOT / "build" / "x"


def test_the_model_address_may_be_given_with_its_version():
    assert Settings.from_environment({"LOCAL_MODEL_URL": "http://host/v1/"}).model_url == "http://host"


def test_every_problem_is_named_at_once():
    environment = {
        "RUNCAST_LOCAL_PORT": "http",
        "RUNCAST_LOCAL_MODEL_PORT": "70000",
        "LOCAL_MODEL_URL": "localhost:11434",
    }
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment(environment)
    assert str(caught.value).splitlines() == [
        "RUNCAST_LOCAL_PORT is 'http'; give a port from 1 to 65535.",
        "RUNCAST_LOCAL_MODEL_PORT is '70000'; give a port from 1 to 65535.",
        "LOCAL_MODEL_URL is 'localhost:11434'; give an address that begins with http:// or https://.",
    ]


def test_one_port_for_two_servers_is_refused():
    with pytest.raises(InvalidSettings, match="are both 4620; give two ports"):
        Settings.from_environment({"RUNCAST_LOCAL_PORT": "4620"})
