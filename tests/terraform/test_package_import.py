import sys
import zipfile
from pathlib import Path

import pytest

from packager.errors import PackagingError
from packager.import_test import Loaded, import_test, loaded_files

PYTHON = Path(sys.executable)
COMPLETE = {
    "app.py": """
def agent(event, context):
    from chalicelib.runner import run
    return run(event)
""",
    "chalicelib/__init__.py": "",
    "chalicelib/runner.py": """
from __future__ import annotations
from typing import TYPE_CHECKING
from . import tools
from .tools import slope
if TYPE_CHECKING:
    from nowhere import Type

def run(event: Type):
    import dependency.part
    return slope(event)
""",
    "chalicelib/tools.py": "def slope(event): return event\n",
    "dependency/__init__.py": "",
    "dependency/part.py": "",
}


def make_zip(tmp_path: Path, files: dict[str, str]) -> Path:
    path = tmp_path / "deployment.zip"
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    return path


def test_a_complete_zip_passes(tmp_path: Path):
    import_test(make_zip(tmp_path, COMPLETE), interpreter=PYTHON, handlers=["app.agent"], services=[])


def test_a_module_that_is_imported_inside_a_function_only_is_missed(tmp_path: Path):
    files = {name: text for name, text in COMPLETE.items() if name != "dependency/part.py"}
    with pytest.raises(PackagingError) as caught:
        import_test(make_zip(tmp_path, files), interpreter=PYTHON, handlers=["app.agent"], services=[])
    assert str(caught.value) == (
        "The zip lacks what its code needs:\n"
        "chalicelib/runner.py:10: ModuleNotFoundError: No module named 'dependency.part'"
    )


def test_what_is_installed_beside_the_packager_does_not_count(tmp_path: Path):
    files = COMPLETE | {"chalicelib/tools.py": "import pytest\ndef slope(event): return event\n"}
    with pytest.raises(PackagingError, match=r"chalicelib/tools\.py:1: .*No module named 'pytest'"):
        import_test(make_zip(tmp_path, files), interpreter=PYTHON, handlers=["app.agent"], services=[])


def test_a_name_that_a_module_does_not_have_is_missed(tmp_path: Path):
    files = COMPLETE | {"chalicelib/tools.py": "def aspect(event): return event\n"}
    with pytest.raises(PackagingError, match="cannot import name 'slope'"):
        import_test(make_zip(tmp_path, files), interpreter=PYTHON, handlers=["app.agent"], services=[])


def test_a_handler_that_does_not_exist_is_missed(tmp_path: Path):
    with pytest.raises(PackagingError, match=r"handler app\.reader: AttributeError"):
        import_test(make_zip(tmp_path, COMPLETE), interpreter=PYTHON, handlers=["app.agent", "app.reader"], services=[])


def test_a_service_that_no_client_can_be_made_for_is_missed(tmp_path: Path):
    files = COMPLETE | {"boto3.py": "def client(name, region_name): raise LookupError(f'no definition of {name}')\n"}
    with pytest.raises(PackagingError, match="client dynamodb: LookupError: no definition of dynamodb"):
        import_test(make_zip(tmp_path, files), interpreter=PYTHON, handlers=["app.agent"], services=["dynamodb"])


def test_an_optional_module_whose_import_fails_halfway_is_named(tmp_path: Path):
    for name, text in {
        "app/app.py": "def agent(event, context):\n    import library\n",
        "installed/library.py": "try:\n    import windows\nexcept ImportError:\n    windows = None\n",
        "installed/windows.py": "import no_such_module\n",
        "installed/other.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    loaded = loaded_files(
        tmp_path / "app", tmp_path / "installed", interpreter=PYTHON, handlers=["app.agent"], services=[]
    )
    assert loaded == Loaded(frozenset({"library.py"}), frozenset({"windows.py"}))
