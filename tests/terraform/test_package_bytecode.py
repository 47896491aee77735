import os
import subprocess
import sys
from pathlib import Path

import pytest

from packager.bytecode import compile_bytecode
from packager.errors import PackagingError

PYTHON = Path(sys.executable)
TAG = sys.implementation.cache_tag
SOURCE = 'NAMES = frozenset({"a", "b", "c"})\n\n\ndef fail():\n    raise RuntimeError\n'


def compiled(folder: Path) -> bytes:
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "module.py").write_text(SOURCE)
    compile_bytecode(folder, PYTHON)
    return (folder / "package" / "__pycache__" / f"module.{TAG}.pyc").read_bytes()


def test_the_same_sources_give_the_same_bytecode_wherever_they_lie(tmp_path: Path):
    assert compiled(tmp_path / "one") == compiled(tmp_path / "two")


def test_it_is_used_whatever_date_its_source_bears(tmp_path: Path):
    compiled(tmp_path)
    source = tmp_path / "package" / "module.py"
    source.write_text("raise SystemError('the source was read')\n")
    os.utime(source, (0, 0))
    done = subprocess.run(
        [sys.executable, "-c", "from package.module import fail; fail()"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "line 5, in fail\nRuntimeError" in done.stderr


def test_a_file_that_is_no_python_is_an_error_that_names_it(tmp_path: Path):
    (tmp_path / "broken.py").write_text("def :\n")
    with pytest.raises(PackagingError, match=r"(?s)The sources cannot be compiled:.*broken\.py"):
        compile_bytecode(tmp_path, PYTHON)


def test_bytecode_that_was_there_is_replaced(tmp_path: Path):
    foreign = tmp_path / "package" / "__pycache__" / f"gone.{TAG}.pyc"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"foreign")
    (tmp_path / "package" / "module.py").write_text(SOURCE)
    compile_bytecode(tmp_path, PYTHON)
    assert [path.name for path in foreign.parent.iterdir()] == [f"module.{TAG}.pyc"]
