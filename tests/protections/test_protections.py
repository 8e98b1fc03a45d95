"""Every protection is taken out once, in a copy of the project, and its test has to go red.

A `NAME.patch` here takes one protection out of the product. Its first lines say what it is and which test sees it:

    Protection: the transition is guarded by the write
    Goes red: tests/agents/test_carrying.py::test_of_two_who_write_one_wins
    --- a/cases/transitions.py
    ...

On every run each patch still has to fit and its test to exist; `make faults` runs the tests.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LEFT = shutil.ignore_patterns(
    ".git",
    ".pytest_cache",
    ".venv",
    ".data",
    ".stamps",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    "__pycache__",
    "node_modules",
)
SECONDS = 900
TESTS_FAILED = 1  # pytest's exit code for "some tests failed"; a broken import or a missing test is another


@dataclass(frozen=True)
class Protection:
    path: Path
    about: str
    test: str

    @classmethod
    def read(cls, path: Path) -> "Protection":
        text = path.read_text()
        about = re.search(r"^Protection: (.+)$", text, re.MULTILINE)
        test = re.search(r"^Goes red: (\S+)$", text, re.MULTILINE)
        assert about and test, f"{path.name} has to say what it takes out and which test goes red"
        return cls(path, about[1], test[1])


PROTECTIONS = [Protection.read(path) for path in sorted(HERE.glob("*.patch"))]
each = pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: one.path.stem)

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git, which applies the patches, is not here")


def apply(protection: Protection, folder: Path, *options: str) -> None:
    done = subprocess.run(
        ["git", "apply", *options, str(protection.path)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{protection.path.name} no longer fits:\n{done.stderr}"


@each
def test_the_patch_fits_and_its_test_exists(protection: Protection) -> None:
    apply(protection, ROOT, "--check")
    file, _, names = protection.test.partition("::")
    name = re.split(r"[\[]", names.split("::")[-1])[0]
    assert f"def {name}(" in (ROOT / file).read_text(), f"{protection.test} is not there"


@pytest.mark.release
@pytest.mark.timeout(SECONDS + 60)
@each
def test_without_the_protection_its_test_goes_red(protection: Protection, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=LEFT)
    (ROOT / ".pytest_cache").mkdir(exist_ok=True)
    (copy / ".pytest_cache").symlink_to(ROOT / ".pytest_cache")  # the migrated clusters
    apply(protection, copy)
    environment = {name: value for name, value in os.environ.items() if name not in {"RELEASE", "WORK_COMMAND_DATA"}}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", protection.test]
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == TESTS_FAILED, f"{protection.about}: the test did not notice\n{done.stdout[-3000:]}"
    assert " failed" in done.stdout, f"it broke instead of failing:\n{done.stdout[-3000:]}"
