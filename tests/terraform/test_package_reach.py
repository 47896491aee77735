from pathlib import Path

import pytest

from packager.reach import reached_distributions, reached_files

USED = """
from typing import TYPE_CHECKING
import typing

if TYPE_CHECKING:
    import for_types
elif typing.TYPE_CHECKING:
    import for_types
else:
    import in_else

def work():
    def deeper():
        from .part import name
        import in_a_function.submodule
        import os
    try:
        import optional
    except ImportError:
        import instead
    try:
        import demanded
    except ValueError:
        pass

def __getattr__(name):
    import on_request
"""


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    files = {
        "used/__init__.py": USED,
        "used/part/__init__.py": "from . import sibling\nfrom ..cousin import x\nfrom ....beyond import y\n",
        "used/part/sibling.py": "class A:\n    def __getattr__(self, name):\n        import in_a_method\n",
        "used/cousin.py": "from native import thing",
        "used/alone.py": "",
        "native/thing.cpython-311-x86_64-linux-gnu.so": "",
        "in_a_function/__init__.py": "",
        "in_a_function/submodule.py": "",
        **{
            f"{name}.py": ""
            for name in ("for_types", "in_else", "optional", "instead", "demanded", "on_request", "in_a_method")
        },
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_all_that_is_imported_later_is_reached_but_what_nobody_has_asked_for(site_packages: Path):
    assert reached_files(["used/__init__.py"], site_packages) == {
        "used/__init__.py",
        "used/part/__init__.py",
        "used/part/sibling.py",
        "used/cousin.py",
        "native/thing.cpython-311-x86_64-linux-gnu.so",
        "in_a_function/__init__.py",
        "in_a_function/submodule.py",
        "in_else.py",
        "instead.py",
        "demanded.py",
        "in_a_method.py",
    }


def test_what_was_loaded_is_reached_in_any_case(site_packages: Path):
    loaded = ["optional.py", "on_request.py", "used/data.txt"]
    assert reached_files(loaded, site_packages) == {"optional.py", "on_request.py"}


def test_a_distribution_is_taken_for_one_file_of_it(site_packages: Path):
    for name, file in (("Used", "used/alone.py"), ("other", "optional.py")):
        described = site_packages / f"{name}-1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (described / "RECORD").write_text(f"{file},,\n{name}-1.0.dist-info/METADATA,,\n")
    assert reached_distributions(frozenset({"used/alone.py", "native.so"}), site_packages) == {"Used"}
