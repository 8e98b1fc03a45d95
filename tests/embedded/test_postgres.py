"""The embedded PostgreSQL: it starts, survives being killed, and keeps its socket and files to itself."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.embedded import children
from orchestrator.embedded.folders import FolderRefused, prepared_socket_folder, socket_folder
from orchestrator.embedded.postgres import APP, DATABASE, OWNER, EmbeddedPostgres

PARENT = """
import sys, time
from pathlib import Path
from orchestrator.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "data", fast=True)
    made.start()
    yield made
    made.stop()


def parent_of_a_server(data: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that supervises a server on `data`, and the server's process number."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(data)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def gone(pid: int, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while children.is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not children.is_alive(pid)


def test_it_makes_two_roles_of_which_neither_is_superuser(server: EmbeddedPostgres) -> None:
    with server.connect() as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = ANY(%s) ORDER BY 1", [[OWNER, APP]]
        ).fetchall()
    assert rows == [(APP, False), (OWNER, False)]


def test_the_product_role_makes_no_tables(server: EmbeddedPostgres) -> None:
    with (
        server.connect(database=DATABASE, role=APP) as connection,
        pytest.raises(Exception, match="permission denied"),
    ):
        connection.execute("CREATE TABLE mine (id int)")


def test_it_listens_on_no_network_address(server: EmbeddedPostgres) -> None:
    with server.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_its_folders_are_closed_to_others(server: EmbeddedPostgres) -> None:
    for folder in (server.data, server.cluster, server.sockets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        assert folder.stat().st_uid == os.geteuid(), folder


def test_it_loses_no_committed_row_when_it_is_killed(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data")  # with syncs, as in the demo
    server.start()
    with server.connect() as connection:
        connection.execute("CREATE TABLE kept (n int)")
    for number in range(3):
        with server.connect() as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", [number])
        assert server.child is not None
        server.child.kill()
        server.child.wait()
        server.start()
    with server.connect() as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (3,)
    server.stop()


@pytest.mark.skipif(not children.LINUX, reason="needs the parent-death signal of Linux")
def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent, pid = parent_of_a_server(tmp_path / "data")
    assert children.is_alive(pid)
    parent.kill()
    parent.wait()
    assert gone(pid)


def test_it_starts_again_at_once_after_its_parent_was_killed(tmp_path: Path) -> None:
    parent, _pid = parent_of_a_server(tmp_path / "data")
    parent.kill()
    parent.wait()
    second = EmbeddedPostgres(tmp_path / "data", fast=True)
    second.start()  # the first may still be on its way out
    assert second.answers()
    second.stop()


def test_a_pid_file_that_names_another_process_is_stale(server: EmbeddedPostgres) -> None:
    server.stop()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (server.cluster / "postmaster.pid").write_text(f"{other.pid}\n{server.cluster}\n0\n5432\n\n\n\n")
        server.start()
        assert server.answers()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_cluster_cut_in_the_making_is_made_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("18\n")
    (data / "postgres.unfinished").touch()
    data.chmod(0o700)
    server = EmbeddedPostgres(data, fast=True)
    server.start()
    assert server.answers()
    server.stop()


def test_a_long_data_folder_gets_its_sockets_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    folder = socket_folder(long)
    assert len(os.fsencode(folder)) < 100
    assert not folder.is_relative_to(long)
    assert socket_folder(long) == folder


def test_a_socket_folder_that_others_can_open_is_refused(tmp_path: Path) -> None:
    folder = socket_folder(tmp_path)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with pytest.raises(FolderRefused, match="only you can open"):
        prepared_socket_folder(tmp_path)


def test_stopping_ends_sessions_that_are_open(server: EmbeddedPostgres) -> None:
    connection = server.connect()
    server.stop()
    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        connection.execute("SELECT 1")
    assert server.child is None


def test_an_ended_child_counts_as_gone() -> None:
    child = subprocess.Popen(["true"])
    time.sleep(0.2)
    assert not children.is_alive(child.pid)  # a zombie until it is waited for
    child.wait()


def test_stopping_goes_from_a_word_to_a_kill() -> None:
    child = children.start(
        [
            sys.executable,
            "-c",
            "import signal,time; signal.signal(15, signal.SIG_IGN); print(1,flush=True); time.sleep(60)",
        ],
        log=subprocess.DEVNULL,
    )
    time.sleep(0.5)
    children.stop_child(child, ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5)))
    assert child.returncode == -signal.SIGKILL
