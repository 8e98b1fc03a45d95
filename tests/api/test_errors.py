"""Every error has one form, and an error of ours tells nothing about the inside."""

import json
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import RequestFactory

from orchestrator.api.views import cases as views
from orchestrator.desk import answers
from tests.api.program import Program
from tests.world import FINGERPRINT, World


def test_an_unknown_address_is_answered_in_the_same_form(world: World, frontline: Program) -> None:
    for path in ("", "nothing/", "cases/1042/", "cases/C-0/", "cases/C-01/", "cases/c-1/", "approvals/x/", "schema/x"):
        for method in ("GET", "POST", "DELETE"):
            answer = frontline.send(method, f"/api/v1/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert Program().get("nothing/").status_code == 401


def test_a_forgotten_slash_is_told(world: World, frontline: Program) -> None:
    answer = frontline.send("POST", "/api/v1/requests", b"{}")
    assert answer.status_code == 404
    assert "slash" in answer.json()["message"]


def test_a_refusal_says_that_nothing_was_done(world: World, manager: Program) -> None:
    """Whoever sends something that is not taken never has to guess whether half of it was."""
    case, approval = f"cases/{world.case.number}", f"approvals/{world.approval.pk}/decision/"
    decision = {"fingerprint": FINGERPRINT, "option": "full"}
    refused = [
        Program().post("requests/", {}),
        manager.send("POST", "/api/v1/requests", b"{}"),
        manager.post("cases/C-9/take-over/"),
        manager.post(f"{case}/sort/", {"type": "no_such_type"}),
        manager.post(f"{case}/sort/", {"type": world.refund.name}),
        manager.post(f"{case}/hand-back/", {}),
        manager.post(f"{case}/reopen/"),
        manager.post(f"{case}/steps/work_out/finish/", {"turn": 1, "result": {}}),
        manager.post(approval, decision | {"option": "reject"}),
        manager.post(approval, decision | {"edits": {"nothing": {"amount": 1}}, "reason": "a"}),
        manager.post(approval, decision | {"edits": {"payments.refund": {"amount": "1"}}, "reason": "a"}),
        manager.get("cases/", cursor="x"),
        manager.get("reports/summary/", **{"from": "2026-02-30"}),
    ]
    for answer in refused:
        assert answer.status_code >= 400
        assert "Nothing was" in answer.json()["message"], answer.json()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST"])
def test_another_method_is_refused_and_told_which_one_is_answered(
    world: World, frontline: Program, method: str
) -> None:
    answer = frontline.send(method, "cases/", b"{}")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET"
    assert answer.json()["code"] == "invalid"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "x", ""])
def test_whatever_is_accepted_the_answer_is_json(world: World, frontline: Program, accept: str) -> None:
    answer = frontline.send("GET", "cases/", Accept=accept)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize("error", [OperationalError("server at 10.0.0.7 closed"), InterfaceError("closed")])
def test_a_database_that_is_down_is_unavailable(
    world: World, frontline: Program, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def down(*_args: Any) -> None:
        raise error

    monkeypatch.setattr(views, "cases_of", down)
    answer = frontline.get("cases/")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"]
    assert "10.0.0.7" not in answer.content.decode()


def test_a_fault_of_ours_tells_nothing_and_is_noted(
    world: World, frontline: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: Any) -> None:
        raise KeyError("secret-of-the-inside")

    monkeypatch.setattr(views, "cases_of", broken)
    answer = frontline.get("cases/")
    assert (answer.status_code, answer.json()["code"]) == (500, "unavailable")
    assert "secret-of-the-inside" not in answer.content.decode()
    assert any("secret-of-the-inside" in str(record.exc_info) for record in caplog.records)


def test_what_never_reaches_the_api_has_its_form_of_error_too(world: World, frontline: Program) -> None:
    answer = frontline.send("GET", "cases/", Host="evil.example")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["message"] == "The service does not answer to this host name. Nothing was changed."
    for error, status in ((OperationalError("10.0.0.7"), 503), (KeyError("inside"), 500)):
        try:
            raise error
        except (OperationalError, KeyError):
            told = answers.broken(RequestFactory().get("/api/v1/cases/"))
        assert (told.status_code, json.loads(told.content)["code"]) == (status, "unavailable")
        assert b"10.0.0.7" not in told.content and b"inside" not in told.content
        assert ("Retry-After" in told) == (status == 503)


def test_errors_speak_the_callers_language(world: World) -> None:
    english = Program().get("cases/").json()
    assert english["message"].startswith("This call needs a token")
    assert "Bearer" in Program().send("GET", "cases/", **{"Accept-Language": "zh-hant"}).json()["message"]


def test_answers_are_kept_by_no_cache(world: World, frontline: Program) -> None:
    assert frontline.get("cases/")["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "option", "value", "example"),
    [
        ("approvals/", "case", "1042", "C-1042"),
        ("approvals/", "proposal", "1042", "-"),
        ("reports/summary/", "from", "30.11.2026", "2026-11-30"),
    ],
)
def test_what_has_a_form_of_its_own_is_shown_by_example(
    world: World, manager: Program, path: str, option: str, value: str, example: str
) -> None:
    said = manager.get(path, **{option: value}).json()["message"]
    assert said.startswith(f"`{option}` must look like ") and example in said, said


def test_a_name_that_the_map_does_not_have_is_refused_and_not_simply_empty(world: World, frontline: Program) -> None:
    """A slip in a name would find nothing for ever, or let no agent call anything."""
    for path, option, name, words in (
        ("cases/", "type", "refnd", "`type` names `refnd`, which does not exist; did you mean `refund`? Nothing"),
        ("cases/", "team", "nobody here", "`team` names `nobody here`, which does not exist. Nothing"),
        ("reports/summary/", "type", "refnd", "did you mean `refund`?"),
    ):
        answer = frontline.get(path, **{option: name})
        assert answer.status_code == 422 and words in answer.json()["message"], answer.json()
        assert answer.json()["detail"]["fields"] == {option: [name]}


def test_an_unknown_operation_is_refused_and_a_shop_learns_no_names(world: World, intake: Program) -> None:
    request = {"source": "customer", "channel": "api", "text": "a", "operations": ["orders.get", "order.get"]}
    answer = intake.post("requests/", request)
    assert answer.status_code == 422
    assert "`operations` names `order.get`, which does not exist. Nothing was changed." in answer.json()["message"]
    assert intake.post("requests/", request | {"operations": ["orders.get"]}).status_code == 201
