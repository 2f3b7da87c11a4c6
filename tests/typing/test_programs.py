"""Type checkers find nothing wrong in `right`, and in `wrong` just what it says there.

Each checker runs once over both files, beside the other; on a machine with neither, the
tests are skipped.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHECKERS = ("mypy", "pyright")
EXPECTED = re.compile(r" +# (mypy|pyright) ([\w-]+): (.+)")


@dataclass(frozen=True)
class Finding:
    """What a checker found: in which file and line, by which rule, and its message."""

    file: str
    line: int
    rule: str
    message: str


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """The errors that each checker finds in a directory with both files."""
    for checker in CHECKERS:
        if find_spec(checker) is None:
            pytest.skip(f"{checker} is not installed")
    directory = tmp_path_factory.mktemp("programs")
    for name in ("right.py", "wrong.py"):
        shutil.copy(HERE / name, directory)
    config = {"include": ["."], "extraPaths": [str(ROOT)], "pythonVersion": "3.11"}
    (directory / "pyrightconfig.json").write_text(json.dumps(config))
    mypy = ["mypy", "--config-file=", "--strict", "--output=json", "right.py", "wrong.py"]
    pyright = ["pyright", "--outputjson", "--pythonpath", sys.executable]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in (mypy, pyright)
    ]
    (by_mypy, _), (by_pyright, _) = (process.communicate() for process in running)
    return {"mypy": list(read_mypy(by_mypy)), "pyright": list(read_pyright(by_pyright))}


def read_mypy(output: str) -> Iterator[Finding]:
    """Yield the errors that mypy reports, a JSON object a line."""
    for line in output.splitlines():
        one = json.loads(line)
        if one["severity"] == "error":
            yield Finding(Path(one["file"]).stem, one["line"], one["code"], one["message"])


def read_pyright(output: str) -> Iterator[Finding]:
    """Yield the errors that pyright reports; its lines count from 0."""
    for one in json.loads(output)["generalDiagnostics"]:
        if one["severity"] == "error":
            line = one["range"]["start"]["line"] + 1
            message = one["message"].replace("\xa0", " ")
            yield Finding(Path(one["file"]).stem, line, one.get("rule", ""), message)


def expected(checker: str) -> dict[int, list[tuple[str, str]]]:
    """Return (rule, text) of each error that the comments above a line in `wrong` tell of."""
    wanted: dict[int, list[tuple[str, str]]] = {}
    pending: list[tuple[str, str]] = []
    for number, line in enumerate((HERE / "wrong.py").read_text("utf-8").splitlines(), 1):
        comment = EXPECTED.fullmatch(line)
        if comment is None:
            if pending:
                wanted[number], pending = pending, []
        elif comment[1] == checker:
            pending.append((comment[2], comment[3]))
    return wanted


def programs(name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions of a file, each of which is a program."""
    tree = ast.parse((HERE / name).read_text("utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("checker", CHECKERS)
def test_right_programs_pass(checker: str, findings: dict[str, list[Finding]]) -> None:
    """No checker finds an error in a right program."""
    assert [found for found in findings[checker] if found.file != "wrong"] == []


@pytest.mark.parametrize("checker", CHECKERS)
def test_wrong_programs_fail_for_their_reason(
    checker: str, findings: dict[str, list[Finding]]
) -> None:
    """Each checker says of a wrong program what stands above its line, and of no other line."""
    wanted = expected(checker)
    found: dict[int, list[Finding]] = {}
    for one in findings[checker]:
        if one.file == "wrong":
            found.setdefault(one.line, []).append(one)
    assert found.keys() == wanted.keys()
    for line, reasons in wanted.items():
        assert sorted(rule for rule, _ in reasons) == sorted(one.rule for one in found[line])
        for rule, text in reasons:
            assert any(one.rule == rule and text in one.message for one in found[line]), found[line]


def test_there_are_enough_programs() -> None:
    """There are forty right programs and forty wrong ones, and each wrong one says why, twice."""
    assert len(programs("right.py")) >= 40
    wrong = programs("wrong.py")
    assert len(wrong) >= 40
    for checker in CHECKERS:
        lines = expected(checker)
        for program in wrong:
            told = [n for n in lines if program.lineno <= n <= (program.end_lineno or 0)]
            assert len(told) == 1, program.name
