"""The workers of the fault tests: the product's own Celery workers, forked from one process, that die where a test says.

    python -m tests.faults.live.crew --folder DIR --size 2 --threads 4 --lease 2

Each child is `celery worker` with the options of production. What ends is forked again, as a supervisor does, unless
DIR/hold is there. DIR/pids names the children, DIR/ended has a line for each that ended, DIR/ready a file for each
that has taken up its work.

DIR/fates/SUBJECT says what happens to the case with that subject, once: `die POINT` is a SIGKILL of the worker by
itself at that point, `stop POINT` a SIGSTOP. The points are reached by patching the product's functions here; the
product knows nothing of it. Leases are shortened here too, so that a death costs seconds.
"""

import argparse
import ctypes
import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.faults.live import clocks

PR_SET_PDEATHSIG = 1
SECONDS_TO_BE_DONE = 10.0
IDLE = "idle_in_transaction_session_timeout=60s"


class Fates:
    """What is to happen to which case, and to the worker that has it in hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "fates"
        self.met = folder / "met"
        self.hand = threading.local()

    def meet(self, point: str, subject: str) -> None:
        """Die or sleep here, if that is this case's fate and nobody met it before."""
        path = self.folder / subject
        if not subject or "/" in subject or not path.exists():
            return
        try:
            what, _, where = path.read_text().partition(" ")
            if where != point:
                return
            path.unlink()
        except FileNotFoundError:
            return
        with self.met.open("a") as met:
            met.write(json.dumps([subject, what, point, os.getpid(), time.time()]) + "\n")
        os.kill(os.getpid(), signal.SIGKILL if what == "die" else signal.SIGSTOP)
        time.sleep(0.3)  # a signal to oneself may take a moment; the clock of this goes on while stopped


def around(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Put `wrapper(real, *arguments)` in the place of a function of the product."""
    real = getattr(owner, name)
    setattr(owner, name, functools.wraps(real)(functools.partial(wrapper, real)))


def mark_the_points(fates: Fates) -> None:
    """The points of a write-back at which a worker has it in hand, by the names of the product's functions."""
    from agents import executor
    from agents.connectors import wire
    from agents.gate import Gate
    from agents.models import Write
    from cases.models import Case

    real_check, real_read = Gate.check, wire.WatchedStream.read

    def check(self: Gate, actor: Any, name: str, *rest: Any, **more: Any) -> Any:
        operation = self.config.operations.get(name)
        subject = self.case.subject if operation is not None and operation.is_write else ""
        fates.meet("before_gate", subject)
        allowed = real_check(self, actor, name, *rest, **more)
        fates.meet("after_gate", subject)
        return allowed

    def send(real: Any, write: Write, *rest: Any) -> Any:
        subject = Case.objects.values_list("subject", flat=True).get(pk=write.case_id)
        fates.meet("after_line", subject)
        fates.hand.sending = (subject, str(write.pk))
        try:
            return real(write, *rest)
        finally:
            fates.hand.sending = None
            fates.meet("answered", subject)

    def read(self: Any, *rest: Any, **more: Any) -> Any:
        sending = getattr(fates.hand, "sending", None)
        if sending:
            fates.hand.sending = None  # the first answer is the write's, what follows reads it back
            fates.meet("sent", sending[0])
            if _fate_of(fates, sending[0]) == "done":
                _wait_until_done(sending[1])
                fates.meet("done", sending[0])
        return real_read(self, *rest, **more)

    def record(real: Any, draft: Any, case: Case, *rest: Any, **more: Any) -> Any:
        result = real(draft, case, *rest, **more)
        fates.meet("before_commit", case.subject)
        return result

    Gate.check = check  # type: ignore[method-assign]
    wire.WatchedStream.read = read  # type: ignore[method-assign]
    around(executor, "send", send)
    around(executor, "record", record)


def _fate_of(fates: Fates, subject: str) -> str:
    try:
        return (fates.folder / subject).read_text().partition(" ")[2]
    except OSError:
        return ""


def _wait_until_done(key: str) -> None:
    """Until the company's own log has this effect key."""
    url = os.environ["DEMO_COMPANY_URL"]
    deadline = time.monotonic() + SECONDS_TO_BE_DONE
    while time.monotonic() < deadline:
        rows = httpx.get(f"{url}/_control/log", headers={"Authorization": "Bearer x"}).json()["results"]
        if any(row["effect_key"] == key for row in rows):
            return
        time.sleep(0.01)


def shorten_leases(seconds: float) -> None:
    """So that what a dead worker had in hand is free again in seconds, and what is left alone is tried again."""
    from django.conf import settings

    from agents import executor, stretch, tooling
    from agents.connectors import breaker
    from orchestrator.flow import planning

    for module in (stretch, tooling, planning):
        module.LEASE = timedelta(seconds=seconds)  # type: ignore[attr-defined]
    executor.MARGIN = timedelta(seconds=seconds)
    breaker.FIRST_PAUSE = breaker.LONGEST_PAUSE = 4 * seconds
    breaker.PROBE_SECONDS = 3 * seconds
    options = settings.DATABASES["default"]["OPTIONS"]
    options["options"] = options["options"].replace(IDLE, f"{IDLE.partition('=')[0]}={int(seconds * 1000)}")


def worker(name: str, threads: int, folder: Path) -> None:
    """One Celery worker, as production starts it; ends with an exit code."""
    from celery.signals import worker_ready
    from django.conf import settings

    from orchestrator.celery import app
    from orchestrator.flow import services

    @worker_ready.connect(weak=False)
    def look_around(**_: Any) -> None:
        """Ring at once: a test with hundreds of deaths does not wait two seconds for the sweeper each time."""
        (folder / "ready" / str(os.getpid())).touch()
        services.sweep()

    queues = ",".join(settings.CELERY_TASK_QUEUE_NAMES)
    words = ["worker", "--pool", "threads", "--concurrency", str(threads), "--queues", queues, "--loglevel", "INFO"]
    app.worker_main([*words, "--without-gossip", "--without-mingle", "--hostname", name])


class Crew:
    """Keeps so many workers running."""

    def __init__(self, folder: Path, size: int, threads: int, clock: Path | None) -> None:
        self.folder, self.size, self.threads, self.clock = folder, size, threads, clock
        self.pids: list[int] = []
        self.number = 0

    def keep(self) -> None:
        """For ever: fork what is missing, note what ended."""
        while True:
            for pid in list(self.pids):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self.pids.remove(pid)
                    with (self.folder / "ended").open("a") as out:
                        out.write(json.dumps([pid, os.waitstatus_to_exitcode(status), time.time()]) + "\n")
                    self._note()
            if not (self.folder / "hold").exists():
                for _n in range(self.size - len(self.pids)):
                    self._fork()
            time.sleep(0.02)

    def _fork(self) -> None:
        self.number += 1
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            if self.clock is not None and self.number % 2 == 0:
                clocks.follow(self.clock)
            try:
                worker(f"crew{self.number}@test", self.threads, self.folder)
            except SystemExit as end:
                os._exit(end.code if isinstance(end.code, int) else 0)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(70)
            os._exit(0)
        self.pids.append(pid)
        self._note()

    def _note(self) -> None:
        beside = self.folder / "pids.new"
        beside.write_text(json.dumps(self.pids))
        beside.replace(self.folder / "pids")


def main() -> None:
    """Set up once, patch, then fork and watch."""
    words = argparse.ArgumentParser()
    words.add_argument("--folder", type=Path, required=True)
    words.add_argument("--size", type=int, default=2)
    words.add_argument("--threads", type=int, default=3)
    words.add_argument("--lease", type=float, default=0)
    words.add_argument(
        "--clock", type=Path, help="a file with the seconds by which every second worker's clock is wrong"
    )
    given = words.parse_args()
    if given.clock:
        clocks.replace()

    import django

    django.setup()
    import celery.apps.worker
    import celery.concurrency.thread
    import kombu.transport.redis

    import agents.brains.procedure
    import orchestrator.flow.tasks

    assert all((agents, celery, kombu, orchestrator))  # loaded once, before the first fork
    if given.lease:
        shorten_leases(given.lease)
    for name in ("fates", "ready"):
        (given.folder / name).mkdir(exist_ok=True)
    mark_the_points(Fates(given.folder))
    sys.stdout.flush()
    Crew(given.folder, given.size, given.threads, given.clock).keep()


if __name__ == "__main__":
    main()
