"""Programs beside the servers: started again when they fall over, ended with all their children."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.embedded import children, lock, programs
from orchestrator.embedded.folders import FolderRefused

# Stands for a web server: a parent with a worker process of its own in the same group.
WITH_A_WORKER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "json.tool"])
time.sleep(60)
"""


def program(folder: Path, code: str = "import time; time.sleep(60)") -> programs.Program:
    (folder / "logs").mkdir(exist_ok=True)
    module = folder / "some_program.py"
    module.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return programs.Program(
        [sys.executable, "-m", "some_program"], folder / "logs" / "some.log", environment, folder, 5
    )


def test_what_fell_over_is_started_again_until_it_is_hopeless(tmp_path: Path) -> None:
    falls = program(tmp_path, "raise SystemExit(3)")
    falls.start()
    said: list[str] = []
    with pytest.raises(programs.GaveUp, match="falls ended 5 times"):
        programs.keep_running({"falls": falls}, said.append)
    assert said == ["falls ended (code 3); starting it again"] * programs.RESTARTS


def test_everything_is_stopped_in_the_opposite_order(tmp_path: Path) -> None:
    first, second = program(tmp_path), program(tmp_path)
    second.log = tmp_path / "logs" / "other.log"
    first.start()
    second.start()
    said: list[str] = []
    programs.stop_all({"first": first, "second": second}, said.append)
    assert said == ["stopping second", "stopping first"]
    assert first.child is None
    assert second.child is None


def test_children_that_outlive_a_killed_program_are_ended_at_the_next_start(tmp_path: Path) -> None:
    web = program(tmp_path, WITH_A_WORKER.replace("json.tool", "some_program"))
    web.start()
    assert web.child is not None
    group = web.child.pid
    deadline = time.monotonic() + 10
    while len(children.group_members(group)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    web.child.kill()
    web.child.wait()
    assert children.group_members(group), "the worker process is left"
    program(tmp_path).end_left_behind()
    time.sleep(0.2)
    assert not any("some_program" in words for words in children.group_members(group))


def test_a_noted_group_that_is_another_program_by_now_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    mine = program(tmp_path)
    (tmp_path / "logs" / "some.group").write_text(str(other.pid))
    mine.end_left_behind()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_signal_is_heard_once() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(programs.Stopped):
            programs.raise_stopped(signal.SIGINT, None)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_data_folder_has_one_supervisor(tmp_path: Path) -> None:
    with lock.held(tmp_path), pytest.raises(FolderRefused, match=rf"already running.*process {os.getpid()}"):  # noqa: SIM117
        with lock.held(tmp_path):
            pass
    with lock.held(tmp_path):
        pass
