"""The folder of the user's agents, outside the clone. All offline: uv finds only the wheels that these tests make."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.settings import FUNCTION_PYTHON, InvalidSettings, Settings
from packager.agents import agent_names, flaws
from packager.agents_folder import LOCK, REMEMBERED, agents_folder, refuse_taken_names, sources, stage
from packager.build import ARCHIVE_NAME, EXPORT_NAME, build
from packager.dependencies import install_dependencies
from packager.errors import PackagingError
from packager.new import new
from packager.platforms import own_platform, runtime_of
from packager.reach import outermost_modules
from tests.terraform.wheels import make_wheel

PROJECT = Path(__file__).parents[2]
APP = PROJECT / "chalice_app"
BUILD = '"""Mine."""\n\n\ndef build(run): ...\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clone").mkdir()
    shutil.copytree(PROJECT / "examples", tmp_path / "clone" / "examples")
    new(tmp_path / "clone", "../mine")
    return tmp_path / "mine"


def build_in(folder: Path, agents: Path) -> tuple[Path, list[str]]:
    """Package the project with agents; return where, and the notes."""
    notes: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        platform = own_platform(runtime_of(FUNCTION_PYTHON))
        # Puts the project's own requirements into uv's cache.
        kept = PROJECT / "build" / "package" / "dependencies"
        install_dependencies(APP / "requirements.txt", platform, FUNCTION_PYTHON, kept)
        patch.setenv("UV_OFFLINE", "1")
        patch.setenv("UV_FIND_LINKS", str(folder / "wheels"))
        target = folder / "target"
        build(PROJECT, work=folder / "work", target=target, platform=platform, agents=agents, note=notes.append)
    return target, notes


def test_a_new_folder_has_an_agent_and_a_playbook_without_flaws_and_the_clone_remembers_it(folder: Path):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "agent.tfvars",
        "hello.py",
        "playbooks",
        "requirements.txt",
    ]
    assert (folder.parent / "clone" / REMEMBERED).read_text() == "../mine\n"
    assert agent_names(APP, folder) == ["hello"]
    assert flaws(APP, folder) == []
    assert REMEMBERED in (PROJECT / ".gitignore").read_text().splitlines()


def test_a_folder_with_content_is_only_remembered(folder: Path):
    (folder / "hello.py").write_text(BUILD)
    (folder / "README.md").unlink()
    assert "nothing was written" in new(folder.parent / "clone", str(folder))
    assert (folder / "hello.py").read_text() == BUILD
    assert not (folder / "README.md").exists()
    assert (folder.parent / "clone" / REMEMBERED).read_text() == f"{folder}\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "Name a folder"),
        (".", "outside of"),
        ("mine", "outside of"),
        ("..", "outside of"),
        ("../file", "is a file"),
    ],
)
def test_a_path_that_cannot_be_the_folder_is_refused(tmp_path: Path, given: str, said: str):
    (tmp_path / "clone").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(PackagingError, match=said):
        new(tmp_path / "clone", given)
    assert list((tmp_path / "clone").iterdir()) == []


def test_a_folder_that_is_gone_is_named_with_what_to_do(tmp_path: Path):
    assert agents_folder({}) is None
    assert agents_folder({"AGENTS": ""}) is None
    assert agents_folder({"AGENTS": str(tmp_path)}) == tmp_path
    said = rf"{tmp_path}/gone, does not exist.*make new AGENTS={tmp_path}/gone, or delete {REMEMBERED}"
    with pytest.raises(PackagingError, match=said):
        agents_folder({"AGENTS": f"{tmp_path}/gone"})
    with pytest.raises(InvalidSettings, match=said):
        Settings.from_environment({"AGENTS": f"{tmp_path}/gone"})


def test_the_zip_gets_modules_and_data_but_no_tests_environments_secrets_or_requirements(folder: Path):
    for name in ("prices/__init__.py", "prices/data.csv", "prompt.md", ".env", ".git/config", "tests/test_a.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    for name in ("test_hello.py", "conftest.py", "hello_test.py", LOCK, "env/pyvenv.cfg", "env/lib/module.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    taken = ["hello.py", "playbooks/two-texts.json", "prices/__init__.py", "prices/data.csv", "prompt.md"]
    stage(folder, folder.parent / "staged")
    staged = folder.parent / "staged"
    assert sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()) == taken
    assert sorted(str(path.relative_to(folder)) for path in sources(folder)) == taken


def test_a_syntax_error_is_reported_with_the_author_s_path(folder: Path):
    (folder / "prices.py").write_text("x = 1\ndef price(:\n")
    with pytest.raises(PackagingError, match=rf"^{folder}/prices\.py:2: invalid syntax"):
        stage(folder, folder.parent / "staged")
    assert flaws(APP, folder) == ["mine/prices.py exports no build(run), so it is no agent."]


def test_a_file_that_is_no_text_of_its_encoding_is_reported_with_the_author_s_path(folder: Path):
    (folder / "hello.py").write_bytes(b'"""Gr\xfc\xdfe."""\n' + BUILD.encode())
    assert flaws(APP, folder) == []
    with pytest.raises(PackagingError, match=rf"^{folder}/hello.py:1: .*encoding"):
        stage(folder, folder.parent / "staged")


@pytest.mark.parametrize("begin", [b"# -*- coding: latin-1 -*-\n# \xfc\n", b"\xef\xbb\xbf", b"# \r\n"])
def test_an_agent_may_be_in_any_encoding_that_python_reads(folder: Path, begin: bytes):
    (folder / "greeting.py").write_bytes(begin + b"def build(run): ...\n")
    assert "greeting" in agent_names(APP, folder)
    assert flaws(APP, folder) == []
    stage(folder, folder.parent / "staged")


def test_a_playbook_that_is_not_utf_8_is_a_flaw(folder: Path):
    (folder / "playbooks" / "greet.json").write_bytes(b'{"description": "\xfc"}')
    assert "mine/playbooks/greet.json: $: it is not UTF-8 text (byte 17)." in flaws(APP, folder)


def test_a_linked_folder_is_packaged_and_its_changes_are_seen(folder: Path):
    (folder.parent / "common").mkdir()
    (folder.parent / "common" / "prices.py").write_text("PRICE = 1\n")
    (folder / "common").symlink_to("../common")
    assert folder / "common" / "prices.py" in list(sources(folder))
    stage(folder, folder.parent / "staged")
    assert (folder.parent / "staged" / "common" / "prices.py").read_text() == "PRICE = 1\n"


def test_links_that_lead_nowhere_or_back_and_pipes_are_left_out(folder: Path):
    before = list(sources(folder))
    (folder / "gone.py").symlink_to("nowhere.py")
    (folder / "loop").symlink_to(".")
    (folder / "above").symlink_to("..")
    os.mkfifo(folder / "pipe")
    (folder / "folder.py").mkdir()
    assert flaws(APP, folder) == []
    assert list(sources(folder)) == before
    stage(folder, folder.parent / "staged")
    assert sorted(path.name for path in (folder.parent / "staged").iterdir()) == ["folder.py", "hello.py", "playbooks"]


def test_flaws_are_named_by_the_author_s_paths(folder: Path):
    (folder / "mine.py").write_text("def rebuild(run): ...\n")
    (folder / "prices.py").write_text("")
    (folder / "hello.py").write_text(f"from prices import x\n{BUILD}")
    (folder / "playbooks" / "bad.json").write_text(
        '{"description": "x", "stages": [{"name": "a", "agents": [{"agent": "terrain", "query": "?"}]}]}'
    )
    agent, playbook = flaws(APP, folder)
    assert agent == "mine/mine.py exports no build(run), so it is no agent."
    assert playbook.startswith("mine/playbooks/bad.json: $.stages[0].agents[0].agent: ")  # no agent of the demo


def test_a_module_with_a_taken_name_is_refused(tmp_path: Path):
    (tmp_path / "site" / "boto3").mkdir(parents=True)
    folder = tmp_path / "mine"
    for name in ("json.py", "boto3.py", "runcast/__init__.py", "hello.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    with pytest.raises(PackagingError, match=r"your agents, boto3\.py, json\.py, runcast must have another name"):
        refuse_taken_names(folder, tmp_path / "site")
    for name in ("json.py", "boto3.py", "runcast/__init__.py"):
        (folder / name).unlink()
    refuse_taken_names(folder, tmp_path / "site")


def test_the_outermost_modules_are_those_that_are_imported_first(tmp_path: Path):
    for name, files in {
        "a.b-1.0": ["a/b/__init__.py", "a/b/c.py"],
        "six-1.0": ["six.py"],
        "x-1.0": ["x/y.txt"],
    }.items():
        described = tmp_path / f"{name}.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name[:-4]}\nVersion: 1.0\n")
        (described / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    assert sorted(outermost_modules({"a-b", "six", "x", "absent"}, tmp_path)) == ["a/b/__init__.py", "six.py"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A package with an agent that takes files, and one that imports a module and a package of its requirements."""
    tmp_path = tmp_path_factory.mktemp("package")
    folder, wheels = tmp_path / "mine", tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "pricelist", text="from hidden_prices import PRICE\n", needs="hidden_prices")
    make_wheel(wheels, "hidden_prices", text="PRICE = 2.5\n")
    make_wheel(wheels, "named_in_a_string", text="import needed_by_that\n", needs="needed_by_that")
    make_wheel(wheels, "needed_by_that")
    (tmp_path / "clone").mkdir()
    shutil.copytree(PROJECT / "examples", tmp_path / "clone" / "examples")
    new(tmp_path / "clone", "../mine")
    (folder / "requirements.txt").write_text("pricelist\nnamed-in-a-string\n")
    (folder / "prices.py").write_text("def price():\n    import pricelist\n    return pricelist.PRICE\n")
    hello = (folder / "hello.py").read_text()
    (folder / "hello.py").write_text(hello.replace("from strands", "from prices import price\nfrom strands", 1))
    (folder / "reader.py").write_text(f"ATTACHMENTS = True\n{BUILD}")
    (folder / "script.py").write_text("raise SystemExit('a script runs only if an agent imports it')\n")
    target, notes = build_in(tmp_path, folder)
    assert notes == ["mine/script.py exports no build(run), so it is no agent."]
    return folder, target


def test_the_zip_has_the_folder_and_its_packages_and_no_demo(package: tuple[Path, Path]):
    _, target = package
    names = set(zipfile.ZipFile(target / ARCHIVE_NAME).namelist())
    for name in ("pricelist", "hidden_prices", "named_in_a_string", "needed_by_that"):
        assert f"{name}/__init__.py" in names
    assert {"runcast_agents/hello.py", "runcast_agents/prices.py", "runcast_agents/playbooks/two-texts.json"} <= names
    assert [name for name in names if name.startswith(("requirements.", "chalicelib/agents/demo/"))] == []
    assert json.loads((target / EXPORT_NAME).read_text())["locals"]["packaged_agents"] == ["hello", "reader"]


def test_the_zip_alone_lists_and_loads_the_agent_and_the_playbook(package: tuple[Path, Path], tmp_path: Path):
    with zipfile.ZipFile(package[1] / ARCHIVE_NAME) as archive:
        archive.extractall(tmp_path)
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        "from chalicelib.agents import registry; from chalicelib.api.catalogue import list_agents;"
        "from chalicelib.orchestrator import playbook;"
        "told = [{each['name']: each['attachments'] for each in list_agents([])['agents']}];"
        "told += [registry.names(), registry.description('hello'), playbook.names()];"
        "told.append(playbook.load('two-texts', ['hello'])['name']);"
        "registry.load('hello'); import prices; print(json.dumps([*told, prices.price()]))"
    )
    done = subprocess.run(
        [FUNCTION_PYTHON, "-I", "-S", "-c", code, tmp_path], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [
        {"hello": False, "reader": True},
        ["hello", "reader"],
        "Counts the words of a text.",
        ["two-texts"],
        "two-texts",
        2.5,
    ]


def test_a_package_that_is_not_listed_is_named_with_where_it_belongs(package: tuple[Path, Path], tmp_path: Path):
    folder, target = package
    before = (target / ARCHIVE_NAME).read_bytes()
    broken = tmp_path / "mine"
    shutil.copytree(folder, broken)
    (broken / "prices.py").write_text("def price():\n    import left_out\n")
    with pytest.raises(PackagingError) as caught:
        build_in(folder.parent, broken)
    assert str(caught.value).splitlines() == [
        "The zip lacks what its code needs:",
        "runcast_agents/prices.py:2: ModuleNotFoundError: No module named 'left_out'",
        "Packages that your agents import belong in the requirements.txt of their folder.",
    ]
    assert (target / ARCHIVE_NAME).read_bytes() == before


def test_make_hands_the_remembered_folder_to_every_target_and_agents_overrides_it(folder: Path):
    clone = folder.parent / "clone"
    shutil.copy2(PROJECT / "Makefile", clone)
    (clone / "show.mk").write_text("include Makefile\nshow:\n\t@echo $$AGENTS/$(AGENT)/$(PLAYBOOK)/$(QUERY)\n")
    (clone / ".venv").symlink_to(PROJECT / ".venv")
    kept = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}

    def shown(*arguments: str, **environment: str) -> str:
        command = ["make", "-f", "show.mk", "--no-print-directory", "show", *arguments]
        return subprocess.run(command, cwd=clone, env=kept | environment, capture_output=True, text=True).stdout.strip()

    assert shown() == "../mine//two-texts/How many words has this question?"
    assert shown("AGENTS=../other") == "../other///How many words has this question?"
    assert shown(AGENTS="../other") == "../other///How many words has this question?"
    assert shown("AGENTS=") == "///Where on this site could a wind farm be built?"
