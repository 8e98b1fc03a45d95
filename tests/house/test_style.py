"""The house keeps its own rules: layers, tasks, size of files, errors that are not swallowed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
APPS = ("cases", "agents", "approvals", "orchestrator")
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "signals.py", "constants.py", "managers.py"}
MOST_LINES = 500


def sources() -> Iterator[tuple[str, str]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_imports_go_down_only() -> None:
    """Both contracts of import-linter: the four rooms, and the order of files in each app."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(program), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:]


def _task_names() -> set[str]:
    current_app.loader.import_default_modules()
    import orchestrator.celery  # noqa: F401

    current_app.autodiscover_tasks(force=True)
    return {name for name in current_app.tasks if not name.startswith("celery.")}


def test_every_task_of_the_schedule_exists_and_is_routed() -> None:
    """A name nobody defined would be sent to a worker that drops it."""
    names = _task_names()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled - names == set()
    exact = {name for name in settings.CELERY_TASK_ROUTES if "*" not in name}
    assert exact - names == set()
    assert all(name.startswith("orchestrator.") for name in names if "django_structlog" not in name)


def test_every_task_sent_by_name_exists() -> None:
    sent = {name for _path, text in sources() for name in re.findall(r'send_task\(\s*"([^"]+)"', text)}
    assert sent and sent - _task_names() == set()


def test_tasks_are_sent_by_name_on_commit() -> None:
    """`.delay(` and `.apply_async(` inside a transaction would run before what they tell of is there."""
    found = [path for path, text in sources() if ".delay(" in text or ".apply_async(" in text]
    assert found == []


def test_tasks_are_thin() -> None:
    """One service call each: the row decides, a task may run twice or late."""
    for path, text in sources():
        if not path.endswith("/tasks.py"):
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                assert len(node.body) <= 2, f"{path}:{node.lineno} {node.name}"
                assert node.args.kwarg is not None, f"{path}:{node.lineno} {node.name} takes **_"


def test_no_error_is_swallowed() -> None:
    """A handler that does nothing hides what happened; one that catches everything belongs to an edge and logs."""
    found = []
    for path, text in sources():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and _does_nothing(node):
                found.append(f"{path}:{node.lineno}")
    assert found == []


def _catches_everything(node: ast.ExceptHandler) -> bool:
    return node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")


def _does_nothing(node: ast.ExceptHandler) -> bool:
    return all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)


def test_files_have_names_that_say_what_they_do_and_a_size_to_read() -> None:
    names = [path for path, _text in sources() if Path(path).name in FORBIDDEN_NAMES]
    long = [f"{path} {text.count(chr(10))}" for path, text in sources() if text.count("\n") > MOST_LINES]
    assert (names, long) == ([], [])


def test_every_module_says_what_lives_in_it() -> None:
    found = [
        path
        for path, text in sources()
        if text.strip() and not path.endswith(("__init__.py", "apps.py")) and ast.get_docstring(ast.parse(text)) is None
        and "/management/commands/" not in path
    ]  # fmt: skip
    assert found == []


@pytest.mark.parametrize("app", ["cases", "approvals", "orchestrator/desk", "orchestrator/workmap"])
def test_no_actor_no_change(app: str) -> None:
    """Every public service names who does it, by keyword and without a default."""
    tree = ast.parse((ROOT / app / "services.py").read_text())
    reading = {"now_and_lock", "release_leavers", "add_message"}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or node.name in reading:
            continue
        named = {arg.arg: default for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)}
        assert "actor" in named, f"{app}: {node.name} has no actor"
        assert named["actor"] is None, f"{app}: {node.name} has a default actor"
