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
from tests.guarantees import Size, guarantee
from tests.world import build

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
    server = Web(child_environment | {"API_INTAKE_PER_MINUTE": "1000000"})
    server.start()
    yield server
    server.kill()


@guarantee("D02", ci=100, release=2_000)
def test_a_killed_web_process_keeps_what_it_accepted_and_doubles_nothing(web: Web, size: Size) -> None:
    requests, kills = len(list(size.each())), size.pick(3, 40)
    build()
    before = Case.objects.count()
    secret = program("intake").secret
    assert web.hand_in(secret, "first")[0] == 201
    answered = threading.Semaphore(0)

    def kill() -> None:
        """Each time when the same share was answered, a moment into the next ones."""
        for _n in range(kills):
            for _m in range(requests // (kills + 1)):
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
    keys = [f"key-{n}" for n in range(requests)]
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(keys, pool.map(hand_in, keys), strict=True))
    killer.join()
    assert {status for status, _case in answers.values()} == {201}
    assert len({case for _status, case in answers.values()}) == requests
    assert Case.objects.count() == before + requests + 1
    assert IdempotentCall.objects.count() == requests + 1
    for key, (_status, case) in answers.items():
        assert Message.objects.get(case_id=case.removeprefix("C-")).text == f"Request {key}"
