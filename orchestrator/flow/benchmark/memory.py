"""How much memory a web process and a worker hold, at the start and while many cases go through them.

`python -m orchestrator.flow.benchmark.memory CASES` prints JSON. Web server and worker are started as production
starts them; for each case one page is asked for, every second case is decided, every twentieth is left to the sorter.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

MARKS = 10  # looks at the memory; the first is the warm process that the last is compared with
UNSORTED = 20  # every so manieth case has no type
PAGES = ("/", "/approvals/", "/cases/?tab=all", "/search/?q=Chan", "/ai/", "/api/v1/schema/")
START_SECONDS = 120.0
LONGEST = 3_600.0


def main() -> None:
    """Start both, send cases and pages through, print what they held."""
    import django

    django.setup()
    from orchestrator.flow.benchmark import workload

    cases = int(sys.argv[1])
    workload.set_up()
    with ExitStack() as stack:
        web, ask = _web(stack)
        worker = _worker(stack)
        seen: dict[str, list[float]] = {"web": [_mb(web)], "worker": [_mb(worker)]}
        for mark in range(MARKS):
            _through(cases // MARKS, mark * (cases // MARKS), ask)
            seen["web"].append(_mb(web))
            seen["worker"].append(_mb(worker))
    sys.stdout.write(json.dumps({name: _figures(held) for name, held in seen.items()} | {"cases": cases}) + "\n")


def _figures(held: Sequence[float]) -> dict[str, Any]:
    warm = held[1]
    return {
        "start_mb": held[0],
        "warm_mb": warm,
        "end_mb": held[-1],
        "most_mb": max(held),
        "growth": round(held[-1] / warm, 3),
        "held_mb": list(held),
    }


def _through(cases: int, first: int, ask: Callable[[str], None]) -> None:
    """Hand `cases` cases in and wait until the worker has nothing left of them."""
    from cases.models import Case
    from orchestrator.flow.benchmark import workload

    manager, pages = workload.manager(), cycle(PAGES)
    for number in range(first + 1, first + cases + 1):
        workload.take_in(number, asks=bool(number % 2), sorted_=number % UNSORTED != 0)
        ask(next(pages))
        if number % 10 == 0:
            workload.decide_waiting(manager)
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        workload.decide_waiting(manager)
        busy = ("received", "working", "waiting_approval", "waiting_write")
        if not Case.objects.filter(status__in=busy).exists():
            return
        time.sleep(0.1)
    raise SystemExit("The worker did not get through its cases.")


def _web(stack: ExitStack) -> tuple[int, Callable[[str], None]]:
    """The web server; the number of its worker process, and how to ask for a page as somebody signed in."""
    from django.conf import settings
    from django.test import Client

    from orchestrator.flow.benchmark import workload

    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "8", "--no-ws", "orchestrator.wsgi:application"]
    server = _program(stack, command)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"Host": "localhost"})
    signed_in = Client()
    signed_in.force_login(workload.manager().user)
    client.cookies.set(settings.SESSION_COOKIE_NAME, signed_in.cookies[settings.SESSION_COOKIE_NAME].value)

    def ask(path: str) -> None:
        answer = client.get(path)
        if answer.status_code != httpx.codes.OK:
            raise SystemExit(f"{path} answered {answer.status_code}")

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ask("/livez")
            break
        except httpx.TransportError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise SystemExit("The web server did not start.") from None
            time.sleep(0.2)
    return max(_below(server.pid), key=_mb), ask


def _worker(stack: ExitStack) -> int:
    """One worker for all queues, with threads; ready when its sorter is."""
    from django.conf import settings

    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "orchestrator",
        "worker",
        "--pool",
        "threads",
        "--concurrency",
        "8",
    ]
    command += ["--queues", ",".join(settings.CELERY_TASK_QUEUE_NAMES), "--loglevel", "WARNING"]
    worker = _program(stack, [*command, "--without-gossip", "--without-mingle"])
    _through(2 * UNSORTED, 10_000_000, lambda _path: None)
    return worker.pid


def _program(stack: ExitStack, command: Sequence[str]) -> "subprocess.Popen[bytes]":
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    def stop() -> None:
        program.send_signal(signal.SIGTERM)
        program.wait(60)

    stack.callback(stop)
    return program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _below(pid: int) -> list[int]:
    """The process and its children (proc(5))."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def _mb(pid: int) -> float:
    """Resident megabytes now, as proc(5) says."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024, 1)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
    main()
