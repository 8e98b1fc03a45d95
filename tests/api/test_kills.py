"""The web process is killed while programs hand in requests and try again with the same key (guarantee D02)."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from cases.models import Case, Message
from orchestrator.api.models import IdempotentCall
from tests.api.program import program
from tests.world import build

REQUESTS, KILLS = 100, 3
ANSWERED = 60.0  # seconds a program keeps trying


class Web:
    """One web process of the product, which can be killed and started again on the same port."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["--interface", "asgi", "--host", "127.0.0.1", "--port", str(self.port), "--log-level", "error"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "granian", *words, "orchestrator.asgi:application"],
            env=self.environment,
            start_new_session=True,
        )

    def kill(self) -> None:
        """kill -9 of the server and its workers."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def hand_in(self, secret: str, key: str) -> tuple[int, str]:
        """One request under `key`, again and again until it is answered for good."""
        end = time.monotonic() + ANSWERED
        while time.monotonic() < end:
            try:
                answer = httpx.post(
                    f"http://127.0.0.1:{self.port}/api/v1/requests/",
                    json={"source": "customer", "channel": "api", "text": f"Request {key}"},
                    headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": key},
                    timeout=5,
                )
            except httpx.HTTPError:
                time.sleep(0.1)
                continue
            if answer.status_code not in {409, 503}:
                return answer.status_code, answer.json().get("case", answer.text)
            time.sleep(0.1)
        return 0, "no answer"


@pytest.fixture
def web(child_environment: dict[str, str]) -> Iterator[Web]:
    server = Web(child_environment)
    server.start()
    yield server
    server.kill()


def test_a_killed_web_process_keeps_what_it_accepted_and_doubles_nothing(web: Web) -> None:
    build()
    before = Case.objects.count()
    secret = program("intake").secret
    assert web.hand_in(secret, "first")[0] == 201
    answered = threading.Semaphore(0)

    def kill() -> None:
        """Each time when a quarter was answered, a moment into the next ones."""
        for _n in range(KILLS):
            for _m in range(REQUESTS // (KILLS + 1)):
                answered.acquire(timeout=ANSWERED)
            time.sleep(random.uniform(0, 0.03))
            web.kill()
            web.start()

    def hand_in(key: str) -> tuple[int, str]:
        answer = web.hand_in(secret, key)
        answered.release()
        return answer

    killer = threading.Thread(target=kill)
    killer.start()
    keys = [f"key-{n}" for n in range(REQUESTS)]
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(keys, pool.map(hand_in, keys), strict=True))
    killer.join()
    assert {status for status, _case in answers.values()} == {201}
    assert len({case for _status, case in answers.values()}) == REQUESTS
    assert Case.objects.count() == before + REQUESTS + 1
    assert IdempotentCall.objects.count() == REQUESTS + 1
    for key, (_status, case) in answers.items():
        assert Message.objects.get(case_id=case.removeprefix("C-")).text == f"Request {key}"
