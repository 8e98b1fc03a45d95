"""Where arguments may stand in a request, and where they may not."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.connectors import ConnectorProblem, OperationSpec
from agents.connectors.credentials import Credential
from agents.connectors.http import HttpConnector
from agents.connectors.http_request import base_of, fill_path, json_text, prepare, problems_of_call

from .scripted import Scripted

Connect = Callable[..., HttpConnector]
GET = OperationSpec("orders.find", kind="read", call={"method": "GET", "path": "/orders/{number}"})


def target(operation: OperationSpec, arguments: dict[str, object], address: str = "https://shop.example/base/") -> str:
    return prepare(address, operation, arguments, None, Credential()).target.decode()


def test_an_argument_is_one_percent_encoded_piece_of_the_path(system: Scripted, connect: Connect) -> None:
    assert connect().call(GET, {"number": "A/7 ?#%&退"}).ok
    assert system.seen[0].target == "/orders/A%2F7%20%3F%23%25%26%E9%80%80"
    assert system.seen[0].headers["host"] == f"127.0.0.1:{system.port}"


CLIMBERS = [
    "", " ", ".", "..", "../admin", "..\\admin", "a/../../b", "%2e%2e", "..%2fadmin", "..;/admin", "a/.;x",
    "%2E%2E/",
    "a\r\nX-Evil: 1", "a\x00", "%0d%0a", "\ud800", None, [], ["a"], {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("value", CLIMBERS)
def test_a_value_that_could_climb_or_break_out_is_refused(system: Scripted, connect: Connect, value: object) -> None:
    answer = connect().call(GET, {"number": value})
    assert (answer.ok, answer.retryable) == (False, False)
    assert answer.error
    assert system.seen == []


def test_a_missing_path_argument_is_refused(system: Scripted, connect: Connect) -> None:
    assert not connect().call(GET, {}).ok
    assert system.seen == []


@given(st.text(min_size=1, max_size=30))
def test_whatever_the_text_it_comes_out_of_the_path_as_it_went_in(text: str) -> None:
    try:
        path, used = fill_path("/a/{x}/b", {"x": text})
    except ConnectorProblem:
        assume(False)
        return
    assert used == {"x"}
    pieces = path.split("/")
    assert (len(pieces), unquote(pieces[2])) == (4, text)
    assert path.isascii()


def test_what_is_left_over_becomes_the_query_of_a_get() -> None:
    arguments = {
        "number": 7,
        "state": ["open", "late"],
        "paid": True,
        "total": Decimal("300.00"),
        "none": None,
        "q": "a b&c=d",
        "on": date(2026, 9, 1),
        "odd name": "x",
    }
    assert target(GET, arguments) == (
        "/base/orders/7?state=open&state=late&paid=true&total=300.00&q=a%20b%26c%3Dd&on=2026-09-01&odd%20name=x"
    )


def test_a_query_of_the_map_itself_is_kept() -> None:
    fixed = OperationSpec("orders.late", kind="read", call={"method": "GET", "path": "/orders?late=1"})
    assert target(fixed, {"team": "x"}) == "/base/orders?late=1&team=x"


def test_a_delete_sends_a_query_and_no_body(system: Scripted, connect: Connect) -> None:
    gone = OperationSpec("orders.drop", call={"method": "DELETE", "path": "/orders/{id}"})
    assert connect().call(gone, {"id": 1, "why": "test"}).ok
    assert (system.seen[0].method, system.seen[0].target, system.seen[0].body) == (
        "DELETE",
        "/orders/1?why=test",
        b"",
    )


def test_a_nested_value_cannot_stand_in_a_query() -> None:
    with pytest.raises(ConnectorProblem, match="nested"):
        target(GET, {"number": 7, "filter": {"a": 1}})


def test_the_effect_key_goes_where_the_operation_says(system: Scripted, connect: Connect) -> None:
    call = {"method": "POST", "path": "/refunds"}
    in_header = OperationSpec("p.a", call=call, effect_key={"header": "Idempotency-Key"})
    in_argument = OperationSpec("p.b", call=call, effect_key={"argument": "client_ref"})
    nowhere = OperationSpec("p.c", call=call, effect_key={"look_up": "p.find"})
    for operation in (in_header, in_argument, nowhere):
        assert connect().call(operation, {"amount": 1, "client_ref": "forged"}, effect_key="key-1").ok
    assert (system.seen[0].headers["idempotency-key"], system.seen[0].json["client_ref"]) == (
        "key-1",
        "forged",
    )
    assert system.seen[1].json == {"amount": 1, "client_ref": "key-1"}
    assert "idempotency-key" not in system.seen[1].headers
    assert system.seen[2].json == {"amount": 1, "client_ref": "forged"}


@pytest.mark.parametrize("key", [None, "", "a b", "a\r\nX: 1", "退", "x" * 300])
def test_a_write_without_a_usable_effect_key_is_not_sent(system: Scripted, connect: Connect, key: str | None) -> None:
    operation = OperationSpec(
        "p.a", call={"method": "POST", "path": "/refunds"}, effect_key={"header": "Idempotency-Key"}
    )
    assert connect().call(operation, {}, effect_key=key).outcome == "not_sent"
    assert system.seen == []


def test_json_text_keeps_numbers_exactly() -> None:
    assert json_text({"a": Decimal("300.00"), "b": [Decimal("1E+3"), -0.5, 2**70], "c": None}) == (
        '{"a":300.00,"b":[1000,-0.5,1180591620717411303424],"c":null}'
    )
    assert json_text(datetime(2026, 9, 1, 10, tzinfo=UTC)) == '"2026-09-01T10:00:00+00:00"'
    assert json_text(Decimal("1E+999999")) == "1E+999999"


@pytest.mark.parametrize("value", [Decimal("NaN"), float("inf"), {1: 2}, {1, 2}, b"x", object()])
def test_json_text_refuses_what_json_cannot_say(value: object) -> None:
    with pytest.raises(ConnectorProblem):
        json_text({"a": [value]})


@pytest.mark.parametrize(
    "address",
    [
        "", "ftp://shop.example", "file:///etc/passwd", "gopher://shop.example:70/x", "//shop.example",
        "shop.example", "http://", "http://user:secret@shop.example", "http://shop.example/?a=1", "http://shop.example/#x",
        "http://shop.example:0", "javascript:alert(1)", "http://shop.example:99999999",
    ],
)  # fmt: skip
def test_an_address_that_is_not_plain_http_is_refused(address: str) -> None:
    with pytest.raises(ConnectorProblem) as problem:
        base_of(address)
    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("call", "effect_key"),
    [
        ({}, None),
        ({"method": "TRACE", "path": "/x"}, None),
        ({"method": "GET", "path": "x"}, None),
        ({"method": "GET", "path": "@evil.example/"}, None),
        ({"method": "GET", "path": "/../admin"}, None),
        ({"method": "GET", "path": "/a\\..\\b"}, None),
        ({"method": "GET", "path": "/{unknown}"}, None),
        ({"method": "GET", "path": "/x", "headers": {}}, None),
        ({"method": "POST", "path": "/x"}, {"header": "Host"}),
        ({"method": "POST", "path": "/x"}, {"header": "X\r\nY"}),
        ({"method": "POST", "path": "/x"}, {"cookie": "a"}),
    ],
)
def test_the_map_check_finds_what_cannot_be_called(call: dict[str, object], effect_key: dict[str, str] | None) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    assert problems_of_call(OperationSpec("s.o", call=call, effect_key=effect_key, arguments=schema))


def test_a_good_call_has_no_problems() -> None:
    schema = {"type": "object", "properties": {"number": {"type": "string"}}}
    assert problems_of_call(OperationSpec("s.o", "read", GET.call, None, schema)) == []
