"""A local machine is deployed from its own package, even if another one packages at the same time."""

import os

import pytest

from local import deployment
from local.endpoint import Endpoint
from local.processes import LocalProcess
from local.stack_state import StackFailed, StackState, prepare_directory
from packager.errors import PackagingError


def test_two_machines_do_not_share_a_package(tmp_path, monkeypatch):
    packaged = []

    def package_functions(target, **_):
        packaged.append((target, target.is_dir()))
        raise PackagingError("enough")

    monkeypatch.setattr(deployment, "package_functions", package_functions)
    directories = [tmp_path / name for name in ("one", "another")]
    for directory in directories:
        prepare_directory(directory)
        endpoint = Endpoint("http://127.0.0.1:1", "AKIAROOT", "the root secret")
        state = StackState(directory, endpoint, "http://127.0.0.1:2", LocalProcess.of("the test", os.getpid()))
        with pytest.raises(StackFailed, match="could not be packaged: enough"):
            deployment.deploy(state, agents=None, say=lambda _: None)
    assert packaged == [(directory / "package", True) for directory in directories]
