"""What cannot be read is refused with words, a 4xx, and nothing changed: for every POST of the document."""

import json
from io import BytesIO
from time import thread_time
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import Case, Event, Message
from orchestrator.api.errors import BadRequest
from orchestrator.api.parsing import MAX_BYTES, parse, sent
from orchestrator.api.views.documents import document
from tests.api.program import Program, program
from tests.guarantees import guarantee
from tests.world import World

POSTS = sorted(path for path, operations in document()["paths"].items() if "post" in operations)
RAW: dict[str, tuple[bytes, int]] = {
    "100,000 levels": (b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "100,000 levels of objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "too many keys": (json.dumps({f"k{n}": 1 for n in range(20_000)}).encode(), 400),
    "1,000,000 keys": (b"{" + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}", 413),
    "a key twice": (b'{"text": "a", "text": "b"}', 400),
    "NaN": (b'{"text": NaN}', 400),
    "Infinity": (b'{"text": -Infinity}', 400),
    "a number of 10,000 digits": (b'{"text": ' + b"9" * 10_000 + b"}", 400),
    "a fraction of 10,000 digits": (b'{"text": 0.' + b"9" * 10_000 + b"}", 400),
    "1e309": (b'{"text": 1e309}', 400),
    "a lone surrogate": (b'{"text": "\\ud800"}', 400),
    "a lone surrogate as key": (b'{"\\udfff": 1}', 400),
    "U+0000": (b'{"text": "a\\u0000b"}', 400),
    "U+0000 as key": (b'{"a\\u0000b": 1}', 400),
    "U+0000 as it is": (b'{"text": "a\x00b"}', 400),
    "not UTF-8": (b'{"text": "\xff\xfe"}', 400),
    "not JSON": (b"{'text': 1}", 400),
    "half of it": (b'{"text": "a', 400),
    "two of them": (b"{}{}", 400),
    "a list": (b"[]", 422),
    "a text": (b'"text"', 422),
    "null": (b"null", 422),
    "an unknown key": (b'{"status": "done"}', 422),
    "1 MB": (b'{"text": "' + b"a" * 1_000_000 + b'"}', 413),
}


def address(world: World, path: str) -> str:
    values = {
        "number": world.case.number,
        "name": "work_out",
        "id": str(world.proposal.pk if "proposals" in path else world.approval.pk),
        "standing_id": str(world.standing.pk),
    }
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def fit(world: World, path: str) -> Program:
    """A program with the scope that this call asks for."""
    if "/steps/" in path or "/hand-over/" in path:
        return program("agent", agent=world.finance)
    return program("staff", "decide", "intake", user=world.manager)


def counted() -> list[int]:
    return [Case.objects.count(), Message.objects.count(), Event.objects.exclude(case=None).count()]


@guarantee("F04", ci=1)
@pytest.mark.parametrize("path", POSTS)
def test_it_refuses_what_cannot_be_read(world: World, path: str) -> None:
    sender, before = fit(world, path), counted()
    for name, (raw, status) in RAW.items():
        answer = sender.send("POST", address(world, path), raw)
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.content[:300]!r}"
        said = answer.json()
        assert said["code"] == ("too_large" if status == 413 else "invalid"), name
        assert said["message"].endswith("Nothing was changed."), name
    assert counted() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "a/b", ""])
def test_it_refuses_everything_that_is_not_json(world: World, intake: Program, kind: str) -> None:
    answer = intake.send("POST", "requests/", b'{"text": "a"}', kind=kind)
    assert answer.status_code == 415
    assert answer.json()["code"] == "invalid"


def test_json_may_name_its_characters(world: World, intake: Program) -> None:
    body = json.dumps({"source": "customer", "channel": "api", "text": "退款"}).encode()
    assert intake.send("POST", "requests/", body, kind="application/json; charset=utf-8").status_code == 201


ASKED = {"source": "customer", "channel": "api", "text": "Where is it?"}


def in_pieces(sender: Program, path: str, raw: bytes, *, ends: bool = True, kind: str = "application/json") -> Any:
    """A POST as it comes in from a program that does not say how long its body is."""
    server: Any = {"wsgi.input": BytesIO(raw), "wsgi.input_terminated": ends, "HTTP_TRANSFER_ENCODING": "chunked"}
    server |= {"CONTENT_TYPE": kind, "HTTP_AUTHORIZATION": f"Bearer {sender.secret}"}
    return sender.client.generic("POST", f"/api/v1/{path}", **server)


def test_a_body_that_does_not_say_its_length_is_read(world: World, intake: Program) -> None:
    """Programs that stream and whatever comes by HTTP/2 name none; it was taken for an empty body."""
    answer = in_pieces(intake, "requests/", json.dumps(ASKED).encode())
    assert answer.status_code == 201, answer.json()
    assert in_pieces(intake, "requests/", json.dumps(ASKED | {"id": 1}).encode()).status_code == 422
    assert in_pieces(intake, "requests/", b" " * (MAX_BYTES + 1)).status_code == 413
    assert in_pieces(intake, "requests/", b"{}", kind="text/plain").status_code == 415
    by_http_2 = ASGIRequest({"method": "POST", "path": "/api/v1/requests/", "headers": []}, BytesIO(b"{}"))
    assert sent(by_http_2) == b"{}"


def test_no_key_of_a_body_in_pieces_is_lost(world: World, frontline: Program) -> None:
    """Where no key is needed the call was carried out without what it said."""
    case = f"cases/{world.case.number}"
    frontline.post(f"{case}/take-over/")
    answer = in_pieces(frontline, f"{case}/hand-back/", b'{"may": "anything"}')
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert in_pieces(frontline, f"{case}/hand-back/", b"").status_code == 200


def test_a_body_that_nothing_ends_is_refused(world: World, intake: Program) -> None:
    answer = in_pieces(intake, "requests/", json.dumps(ASKED).encode(), ends=False)
    assert answer.status_code == 400
    assert answer.json()["message"].endswith("Nothing was changed.")


def test_a_text_of_the_longest_kind_is_taken_in_any_spelling(world: World, intake: Program) -> None:
    for letter in ("a", "退"):
        body = {"source": "customer", "channel": "api", "text": letter * 100_000}
        assert len(json.dumps(body)) < MAX_BYTES
        assert intake.post("requests/", body).status_code == 201
    answer = intake.post("requests/", body | {"text": "a" * 100_001})
    assert answer.status_code == 422
    assert "100000" in answer.json()["message"].replace(",", "")


BAD: list[tuple[Any, str]] = [
    ({"amout": 1}, "amout"),
    ({"tekst": "a"}, "did you mean `text`?"),
    ({"from": {"nmae": "a"}}, "`from.nmae`; did you mean `name`?"),
    ({"text": 5}, "`text` must be text."),
    ({"text": None}, "`text` must be text."),
    ({"text": ""}, "`text` may not be empty."),
    ({"text": " \n\t"}, "`text` may not be empty."),
    ({"text": ["a"]}, "`text` must be text."),
    ({"source": "Customer"}, "`source` must be one of: customer, staff, system, management."),
    ({"channel": "fax"}, "`channel` must be one of"),
    ({"from": "Chan"}, "`from` must be an object."),
    ({"from": {"name": True}}, "`from.name` must be text."),
    ({"form": []}, "`form` must be an object."),
    ({"operations": "all"}, "`operations` must be a list."),
    ({"operations": [1]}, "`operations[0]` must be text."),
    ({"external_id": 5}, "`external_id` must be text."),
    ({"type": "no_such_type"}, "no_such_type"),
    ({"subject": "a" * 301}, "`subject` is longer than 300 characters."),
    ({"id": 1}, "`id`"),
    ({"status": "done"}, "`status`"),
    ({"customer": "CU-1"}, "`customer`"),
    ({"turn": 9}, "`turn`"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=[json.dumps(change)[:40] for change, _words in BAD])
def test_it_says_what_is_wrong_and_where(world: World, intake: Program, change: Any, words: str) -> None:
    before = counted()
    answer = intake.post("requests/", {"source": "customer", "channel": "api", "text": "Where is it?"} | change)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"
    assert words in answer.json()["message"]
    assert counted() == before


def test_it_names_every_key_that_is_missing(world: World, intake: Program) -> None:
    problems = intake.post("requests/", {}).json()["detail"]["problems"]
    assert [problem["where"] for problem in problems] == ["source", "channel", "text"]  # each once


@pytest.mark.parametrize("turn", ["1", True, 1.5, None, 0, -1, 2**31, [1]])
def test_a_turn_is_a_whole_number(world: World, agent: Program, turn: Any) -> None:
    answer = agent.post(f"cases/{world.case.number}/hand-over/", {"summary": "a", "turn": turn})
    assert answer.status_code == 422
    assert "`turn`" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("cases/", {"colour": "red"}),
        ("cases/", {"status": "Done"}),
        ("cases/", {"limit": "0"}),
        ("cases/", {"limit": "1e3"}),
        ("cases/", {"limit": "１"}),
        ("cases/", {"limit": "9" * 30}),
        ("cases/", {"cursor": "x"}),
        ("cases/", {"cursor": "n.99999999999999999999"}),
        ("cases/", {"cursor": "n.1.2"}),
        ("cases/", {"q": ["a", "b"]}),
        ("approvals/", {"case": "1042"}),
        ("approvals/", {"proposal": "x"}),
        ("approvals/", {"cursor": "n.99999999999:1.x"}),
        ("reports/summary/", {"from": "2026-02-30"}),
        ("reports/summary/", {"from": "yesterday"}),
        ("reports/summary/", {"from": "2026-02-02", "to": "2026-02-01"}),
    ],
)
def test_it_refuses_options_that_do_not_fit(world: World, manager: Program, path: str, query: Any) -> None:
    answer = manager.get(path, **query)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


def test_too_many_options_cannot_be_read(world: World, manager: Program) -> None:
    answer = manager.get("cases/", **{f"a{n}": "1" for n in range(1_200)})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_it_refuses_u0000_in_an_option(world: World, manager: Program) -> None:
    assert manager.get("cases/", q="a\x00b").status_code == 422


def test_a_refused_body_costs_no_more_than_signing_in(world: World, intake: Program) -> None:
    with CaptureQueriesContext(connection) as queries:
        intake.send("POST", "requests/", RAW["100,000 levels"][0])
    assert len(queries) <= 2


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 40_000, b'["' + b'\\"' * 40_000, b'"\\' * 40_000])
def test_a_text_that_nothing_ends_is_looked_through_once(body: bytes) -> None:
    """Each quote in it could begin another look to its end, and nobody else's request would go on meanwhile."""
    began = thread_time()
    with pytest.raises(BadRequest):
        parse(body)
    assert thread_time() - began < 2
