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
            "RUNCAST_LOCAL_REST_PORT": "5003",
            "RUNCAST_LOCAL_DIR": "/var/run/runcast",
            "LOCAL_MODEL_URL": "http://127.0.0.1:11434/",
            "LOCAL_MODEL_NAME": "llama3.2",
            "LOCAL_MODEL_KEY": "sk-1",
        }
    )
    model = ("http://127.0.0.1:11434", "llama3.2", "sk-1")
    assert settings == Settings(5001, 5002, 5003, Path("/var/run/runcast"), *model)
    assert "sk-1" not in repr(settings)


def test_a_relative_directory_is_taken_from_the_root():
    assert Settings.from_environment({"RUNCAST_LOCAL_DIR": "build/x"}).directory == ROOT / "build" / "x"


def test_the_model_address_may_be_given_with_its_version():
    environment = {"LOCAL_MODEL_URL": "http://host/v1/", "LOCAL_MODEL_NAME": "any"}
    assert Settings.from_environment(environment).model_url == "http://host"


def test_every_problem_is_named_at_once():
    environment = {
        "RUNCAST_LOCAL_PORT": "http",
        "RUNCAST_LOCAL_MODEL_PORT": "70000",
        "RUNCAST_LOCAL_REST_PORT": "0",
        "LOCAL_MODEL_URL": "localhost:11434",
    }
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment(environment)
    assert str(caught.value).splitlines() == [
        "RUNCAST_LOCAL_PORT is 'http'; give a port from 1 to 65535.",
        "RUNCAST_LOCAL_MODEL_PORT is '70000'; give a port from 1 to 65535.",
        "RUNCAST_LOCAL_REST_PORT is '0'; give a port from 1 to 65535.",
        "LOCAL_MODEL_URL is 'localhost:11434'; give an address that begins with http:// or https://.",
        "LOCAL_MODEL_NAME is not set; name a model that the server at LOCAL_MODEL_URL has.",
    ]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"RUNCAST_LOCAL_PORT": "4620"}, "RUNCAST_LOCAL_PORT and RUNCAST_LOCAL_MODEL_PORT are both 4620"),
        ({"RUNCAST_LOCAL_REST_PORT": "4566"}, "RUNCAST_LOCAL_PORT and RUNCAST_LOCAL_REST_PORT are both 4566"),
        ({"RUNCAST_LOCAL_MODEL_PORT": "8000"}, "RUNCAST_LOCAL_MODEL_PORT and RUNCAST_LOCAL_REST_PORT are both 8000"),
    ],
)
def test_one_port_for_two_servers_is_refused(environment, message):
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment(environment)
    assert str(caught.value) == f"{message}; give two ports."
