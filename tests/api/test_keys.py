"""Idempotency-Key: one key makes one thing, whatever happens at the same moment or dies half way."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.test import Client
from django.utils import timezone

from agents.models import Proposal
from cases.models import Case
from orchestrator.api import keeping, services
from orchestrator.api.models import IdempotentCall
from orchestrator.api.views import requests as views
from tests.api.program import Program, program
from tests.guarantees import Size, guarantee
from tests.world import World, build

ASKED = {"source": "customer", "channel": "api", "text": "Where is it?"}
KEY = "3f1c-1"


def test_the_same_key_and_body_give_the_first_answer_again(world: World, intake: Program) -> None:
    before = Case.objects.count()
    first = intake.post("requests/", ASKED, key=KEY)
    again = intake.post("requests/", ASKED, key=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    assert Case.objects.count() == before + 1


def test_the_order_of_keys_and_white_space_is_no_other_body(world: World, intake: Program) -> None:
    first = intake.post("requests/", ASKED, key=KEY)
    again = intake.send(
        "POST", "requests/", b' {"text":"Where is it?",\n "channel":"api","source":"customer"}', key=KEY
    )
    assert first.content == again.content


OTHERS: list[dict[str, Any]] = [
    {"text": "Another"}, {"subject": ""}, {"text": "Where is it? "}, {"form": {"a": 1}}, {"from": {"contact": "x@example.com"}},
]  # fmt: skip


@guarantee("I02", ci=len(OTHERS), release=50)
def test_it_refuses_a_key_with_another_body(world: World, intake: Program, size: Size) -> None:
    """Beyond the list: one more letter somewhere in the text."""
    first = intake.post("requests/", ASKED, key=KEY)
    before = Case.objects.count()
    for n in size.each():
        text = ASKED["text"]
        other = OTHERS[n] if n < len(OTHERS) else {"text": f"{text[: n % 12]}{chr(97 + n % 26)}{text[n % 12 :]}"}
        answer = intake.post("requests/", ASKED | other, key=KEY)
        if (answer.status_code, answer.json()["code"]) != (422, "key_reused"):
            size.failed(f"{other}: {answer.status_code}")
    assert Case.objects.count() == before
    assert intake.post("requests/", ASKED, key=KEY).content == first.content


def test_it_refuses_a_key_on_another_address(world: World, frontline: Program) -> None:
    number = frontline.post("requests/", ASKED, key=KEY).json()["case"]
    answer = frontline.post(f"cases/{number}/take-over/", {}, key=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


@guarantee("I03", ci=2, release=20)
def test_a_key_belongs_to_its_token(world: World, intake: Program, size: Size) -> None:
    other = program("intake", name="other")
    for n in size.each():
        key = f"{KEY}-{n}"
        answers = [p.post("requests/", ASKED, key=key) for p in (intake, other)]
        assert [a.status_code for a in answers] == [201, 201]
        assert not any("Idempotency-Replayed" in a.headers for a in answers)
        numbers = [a.json()["case"] for a in answers]
        assert [Case.objects.get(pk=n[2:]).token_id for n in numbers] == [intake.token.pk, other.token.pk]


@pytest.mark.parametrize("key", ["x" * 201, "a b", "schlüssel"])
def test_it_refuses_a_key_that_cannot_be_kept(world: World, intake: Program, key: str) -> None:
    assert intake.post("requests/", ASKED, key=key).status_code == 422


def test_a_refusal_of_the_product_is_the_answer_of_its_key(world: World, intake: Program) -> None:
    first = intake.post("requests/", ASKED | {"type": "nothing"}, key=KEY)
    again = intake.post("requests/", ASKED | {"type": "nothing"}, key=KEY)
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.json() == again.json()


def test_a_breakdown_leaves_nothing_and_frees_the_key(
    world: World, intake: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, case and answer are one transaction: whatever breaks after the case was made takes the case with it."""
    before = Case.objects.count(), IdempotentCall.objects.count()

    def cut(*_args: Any) -> None:
        raise OperationalError("the connection was cut")

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "_reserve", cut)
        assert intake.post("requests/", ASKED, key=KEY).status_code == 503
    assert (Case.objects.count(), IdempotentCall.objects.count()) == before
    assert intake.post("requests/", ASKED, key=KEY).status_code == 201
    assert Case.objects.count() == before[0] + 1


REPLAY = """
import django, json, sys
django.setup()
from django.test import Client
asked, secret, key = json.loads(sys.argv[1])
headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
answer = Client(SERVER_NAME="localhost").post("/api/v1/requests/", asked, content_type="application/json", headers=headers)
print(json.dumps([answer.status_code, answer.content.decode()]))
"""


@guarantee("I04", ci=1, release=5)
def test_a_key_is_known_after_23_hours_and_in_another_process(
    real_world: World, size: Size, child_environment: dict[str, str]
) -> None:
    """Nothing of an answer is kept in the process that gave it."""
    token = program("intake")
    for n in size.each():
        first = Client(SERVER_NAME="localhost").post(
            "/api/v1/requests/",
            ASKED,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token.secret}", "Idempotency-Key": f"{KEY}-{n}"},
        )
        IdempotentCall.objects.filter(key=f"{KEY}-{n}").update(created_at=timezone.now() - timedelta(hours=23))
        services.forget_old_calls()
        before = Case.objects.count()
        said = json.dumps([ASKED, token.secret, f"{KEY}-{n}"])
        done = subprocess.run([sys.executable, "-c", REPLAY, said], cwd=settings.BASE_DIR, env=child_environment,
                              capture_output=True, text=True, check=True)  # fmt: skip
        status, content = json.loads(done.stdout.splitlines()[-1])
        assert (status, content) == (201, first.content.decode())
        assert Case.objects.count() == before


@guarantee("I04", ci=1)
def test_keys_live_a_day_and_more_but_not_for_ever(world: World, intake: Program) -> None:
    first = intake.post("requests/", ASKED, key=KEY)
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert services.forget_old_calls() == 0
    assert intake.post("requests/", ASKED, key=KEY).content == first.content
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=49))
    assert services.forget_old_calls() == 1


def test_a_call_whose_worker_died_is_carried_out_again_and_told_what_is_known(
    world: World, agent: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row says running, but nobody holds its lock: its process is gone."""
    path, body = calling(world)
    answer_with(monkeypatch, lambda **_: told("unknown"))
    IdempotentCall.objects.create(
        token=agent.token,
        key=KEY,
        path=f"/api/v1/{path}",
        body_hash=keeping.digest(body),
        created_at=timezone.now(),
    )
    answer = agent.post(path, body, key=KEY)
    assert answer.json()["status"] == "unknown"
    assert agent.post(path, body, key=KEY).json() == answer.json()
    other = agent.post(path, body | {"why": "else"}, key=KEY)
    assert other.json()["code"] == "key_reused"


def test_a_call_that_was_too_early_may_be_tried_again_under_its_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.api.conftest import step_of

    step_of(world, "reply", world.idle)
    early = program("agent", agent=world.idle)
    path, body = calling(world)
    answer = early.post(path, body, key=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_open")
    assert int(answer["Retry-After"]) > 0
    assert not IdempotentCall.objects.exists()


def test_a_call_that_waits_for_another_write_may_be_tried_again_under_its_key(
    world: World, agent: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to try again in a moment; under the same key it was told so for two days."""
    from agents.errors import Unfinished

    def busy(**_: Any) -> Any:
        raise Unfinished

    path, body = calling(world)
    answer_with(monkeypatch, busy)
    answer = agent.post(path, body, key=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert int(answer["Retry-After"]) > 0
    answer_with(monkeypatch, lambda **_: told("done"))
    assert agent.post(path, body, key=KEY).json()["status"] == "done"


def test_a_call_that_was_forbidden_while_it_waited_is_answered_so_again(
    world: World, frontline: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, body = calling(world)
    answer_with(monkeypatch, lambda **_: told("waiting", 202, proposal_id=str(world.proposal.pk)))

    def sleep(_seconds: float) -> None:
        Proposal.objects.update(state="forbidden")

    monkeypatch.setattr("orchestrator.api.waiting.time.sleep", sleep)
    first = frontline.post(path, body, key=KEY, wait=20)
    assert (first.status_code, first.json()["code"]) == (403, "forbidden")
    again = frontline.post(path, body, key=KEY, wait=20)
    assert (again.status_code, again.json()) == (403, first.json())


# ---------------------------------------------------------------- at the same moment, on real connections


@pytest.fixture
def real_world(transactional_db: None) -> World:
    return build()


def at_once(times: int, work: Callable[[], Any]) -> list[Any]:
    """`work` on `times` threads, each with its own connection, begun together."""
    gate = threading.Barrier(times)

    def one() -> Any:
        try:
            gate.wait(10)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(one) for _n in range(times)]]


@guarantee("I01", ci=1, release=50)
def test_calls_with_one_key_at_once_make_one_request(real_world: World, size: Size, monkeypatch: Any) -> None:
    """20 threads (50 in a release) in one place: those that come while the first is under way are told so."""
    slow = views.take_in
    monkeypatch.setattr(views, "take_in", lambda **said: (time.sleep(0.05), slow(**said))[1])
    for n in size.each():
        token, key = program("intake", name=f"shop{n}"), f"{KEY}-{n}"
        before = Case.objects.count()
        answers = at_once(size.pick(20, 50), lambda k=key, t=token: Program(t.secret).post("requests/", ASKED, key=k))
        made = {answer.content for answer in answers if answer.status_code == 201}
        assert len(made) == 1
        assert {a.json()["code"] for a in answers if a.status_code != 201} <= {"in_progress"}
        assert Case.objects.count() == before + 1
        assert token.post("requests/", ASKED, key=key).content in made


def test_one_external_id_at_once_makes_one_request(real_world: World) -> None:
    token = program("intake")
    before = Case.objects.count()
    answers = at_once(8, lambda: Program(token.secret).post("requests/", ASKED | {"external_id": "wa-1"}))
    assert len({answer.json()["case"] for answer in answers}) == 1
    assert Case.objects.count() == before + 1
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]


def test_a_second_call_is_told_that_the_first_is_still_running(
    real_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = program("intake")
    inside, go_on = threading.Event(), threading.Event()
    take_in = views.take_in

    def slow(**said: Any) -> Any:
        inside.set()
        assert go_on.wait(20)
        return take_in(**said)

    monkeypatch.setattr(views, "take_in", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: (Program(token.secret).post("requests/", ASKED, key=KEY), connections.close_all()))
        assert inside.wait(20)
        second = token.post("requests/", ASKED, key=KEY)
        go_on.set()
        assert first.result()[0].status_code == 201
    assert (second.status_code, second.json()["code"]) == (409, "in_progress")
    assert second["Retry-After"]
    assert token.post("requests/", ASKED, key=KEY).status_code == 201


def test_a_call_that_reaches_a_system_runs_once_at_a_time(real_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = program("staff", user=real_world.frontline)
    inside, go_on, times = threading.Event(), threading.Event(), []
    path, body = calling(real_world)

    def slow(**_said: Any) -> Any:
        times.append(1)
        assert not connection.in_atomic_block
        inside.set()
        assert go_on.wait(20)
        return told("done")

    answer_with(monkeypatch, slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: (Program(token.secret).post(path, body, key=KEY), connections.close_all()))
        assert inside.wait(20)
        second = token.post(path, body, key=KEY)
        go_on.set()
        answer = first.result()[0]
    assert second.json()["code"] == "in_progress"
    assert token.post(path, body, key=KEY).json() == answer.json()
    assert len(times) == 1


def test_a_process_that_died_frees_its_key(real_world: World, monkeypatch: pytest.MonkeyPatch, postgres: Any) -> None:
    """Its connection ends with it, and with the connection the lock."""
    from orchestrator.embedded.postgres import DATABASE

    token = program("staff", user=real_world.frontline)
    path, body = calling(real_world)
    lock = keeping._lock_of(type("C", (), {"token": token.token, "key": KEY})())  # type: ignore[arg-type]
    dead = postgres.connect(database=DATABASE)
    dead.execute("SELECT pg_advisory_lock(%s)", [lock])
    IdempotentCall.objects.create(
        token=token.token, key=KEY, path=f"/api/v1/{path}", body_hash=keeping.digest(body), created_at=timezone.now()
    )
    answer_with(monkeypatch, lambda **_: told("unknown"))
    assert token.post(path, body, key=KEY).json()["code"] == "in_progress"
    dead.close()
    for _n in range(100):
        answer = token.post(path, body, key=KEY)
        if answer.status_code == 200:
            break
    assert answer.json()["status"] == "unknown"


def calling(world: World) -> tuple[str, dict[str, Any]]:
    body = {"operation": "orders.get", "arguments": {"number": "88213"}, "turn": world.case.turn}
    return f"cases/{world.case.number}/calls/", body


def told(status: str, http_status: int = 200, **more: Any) -> Any:
    from orchestrator.flow.calls import CallAnswer

    said = {"result": None, "error": "", "proposal_id": None, "approvals": [], "detail": {}} | more
    return CallAnswer(status=status, http_status=http_status, **said)


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Callable[..., Any]) -> None:
    """The flow answers a call like this; what it really does has tests of its own."""
    from orchestrator.api.views import operations

    monkeypatch.setattr(operations.flow, "call", answer)
