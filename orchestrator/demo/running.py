"""The stages of `manage.py demo`, one function a stage, and what runs at the end of them."""

import hashlib
import io
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from approvals.models import StandingApproval
from cases.models import RequestType
from orchestrator import catalogues
from orchestrator.embedded.programs import Program, Supervised

DEMO = Path(__file__).resolve().parent
MAP = DEMO / "retail.yaml"
PEOPLE = DEMO / "people.yaml"
COMPANY_MODULE = "orchestrator.demo.company"
MADE_BY_THE_DEMO = (
    *("postgres", "sockets", "logs", "company", "static", "mail", "demo"),
    *("passwords.json", "demo.json", "static.digest", "anchors.jsonl"),
)
ANSWER_SECONDS = 60.0


class DemoFailed(Exception):
    """A stage did not come to its end; the message says which and where to look."""


def forget(data: Path) -> None:
    """Remove what earlier starts made in the data folder, and nothing else that may lie there.

    The secrets stay: this process has read them already.
    """
    for name in MADE_BY_THE_DEMO:
        path = data / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def company(data: Path) -> Program:
    """The demo company, a program of its own with a store of its own."""
    command = [sys.executable, "-m", COMPANY_MODULE]
    command += ["--port", os.environ["DEMO_COMPANY_PORT"], "--data", str(data / "company")]
    return _program("company", command, data, patience=5)


def worker(data: Path) -> Program:
    """One worker with threads for all queues."""
    queues = ",".join(settings.CELERY_TASK_QUEUE_NAMES)
    command = _celery("worker", "--pool", "threads", "--concurrency", "8", "--queues", queues)
    return _program("worker", [*command, "--without-gossip", "--without-mingle"], data)


def beat(data: Path) -> Program:
    """The clock that rings the sweeper."""
    return _program("beat", _celery("beat", "--pidfile", ""), data, patience=5)


def web(data: Path) -> Program:
    """One ASGI process for pages and API."""
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1"]
    command += ["--port", os.environ["PORT"], "--workers", "1", "--no-ws", "orchestrator.asgi:application"]
    return _program("web", command, data, patience=10, death_signal=signal.SIGTERM)  # it has children


def _celery(part: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "orchestrator", part, "--loglevel", "INFO", *options]


def end_left_behind(data: Path) -> None:
    """End the programs that a killed supervisor left behind, so that their ports are free again."""
    for name, module in (
        ("company", COMPANY_MODULE),
        ("worker", "celery"),
        ("beat", "celery"),
        ("web", "granian"),
    ):
        _program(name, [sys.executable, "-m", module], data).end_left_behind()


def _program(
    name: str, command: list[str], data: Path, patience: float = 25, death_signal: int = signal.SIGKILL
) -> Program:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    folder = Path(settings.BASE_DIR)
    return Program(command, data / "logs" / f"{name}.log", environment, folder, patience, death_signal)


def load_company() -> None:
    """Load map and people where there are none yet; each by itself, so a start that was cut goes on."""
    if not RequestType.objects.exists():
        call_command("load_map", str(MAP), stdout=io.StringIO())
    if not User.objects.filter(is_superuser=False).exists():
        call_command("load_people", str(PEOPLE), stdout=io.StringIO())


def collect_static(data: Path) -> None:
    """Catalogues and static files, made again only when their sources changed."""
    catalogues.compile_all()
    sources = [file for folder in settings.STATICFILES_DIRS for file in sorted(Path(folder).rglob("*"))]
    facts = [(str(file), file.stat().st_mtime_ns) for file in sources] + [
        sys.version,
        settings.INSTALLED_APPS,
    ]
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()
    stamp = data / "static.digest"
    if stamp.exists() and stamp.read_text() == digest and Path(settings.STATIC_ROOT).is_dir():
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest)


def wait_for(url: str, name: str, service: Supervised) -> None:
    """Wait until `url` answers 200. Raises `DemoFailed` when the program ends or a minute is over."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if service.child is not None and service.child.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    end = service.log.read_text(errors="replace")[-1500:].strip() if service.log.exists() else ""
    raise DemoFailed(f"{name} does not answer. The end of {service.log}:\n{end}")


def to_confirm_first() -> list[str]:
    """The standing approvals that wait for their person, as `who: what`."""
    rows = StandingApproval.objects.select_related("rule", "confirmed_by").order_by("pk")
    waiting = [one for one in rows if not one.in_force]
    people = {user.username: user for user in User.objects.filter(username__in=[one.by for one in waiting])}
    names = {name: user.get_full_name() or name for name, user in people.items()}
    return [f"{names.get(one.by, one.by)}: {one}" for one in waiting]


def release_connections() -> None:
    """The supervisor keeps no connection: it only watches from here on."""
    connection.close()
    if "pool" in connection.settings_dict["OPTIONS"]:
        connection.close_pool()  # type: ignore[attr-defined]
