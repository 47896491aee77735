"""Runs the command of docs/demo.md on a machine that is up."""

import os
import re

from tests.copied import clone_of_project
from tests.e2e.reader import blocks_of, read_in_a_shell


def test_its_command_shows_an_agent(stack, tmp_path):
    clone = clone_of_project(tmp_path / "runcast")
    (clone / ".local" / "stack").symlink_to(stack.state.directory)
    [block] = blocks_of("docs/demo.md")
    lines = read_in_a_shell(block, home=tmp_path, environment={"HOME": os.environ["HOME"]}, cwd=clone)
    lines = lines.partition("\n\nNext:\n")[0].splitlines()
    assert "$ runcast run simulation 'What does the farm make in a year?'" in lines
    for line, runs in ((lines[-2], ""), (lines[-1], r" \d+ runs,")):
        assert re.fullmatch(rf"\S+ \S+: complete,{runs} (\d+) steps recorded, \1 received live, 0 missing", line), lines
