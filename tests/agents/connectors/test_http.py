"""The http connector against a real server: what an answer means, and what happens when none comes."""

import json
import multiprocessing
import socket
import threading
import time
import zlib
from collections.abc import Callable
from decimal import Decimal

import pytest

from agents.connectors import Answer, OperationSpec
from agents.connectors.http import HttpConnector
from agents.connectors.http_answer import MOST_BYTES

from .conftest import READ, WRITE
from .scripted import Handler, Scripted

Connect = Callable[..., HttpConnector]
ONE = {"id": "p1"}


def test_a_good_answer_to_a_write_is_done(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(201, {"id": "r1", "amount": 300.10})
    answer = connect().call(WRITE, ONE | {"amount": Decimal("300.10")})
    assert (answer.ok, answer.outcome, answer.status) == (True, "done", 201)
    assert answer.data == {"id": "r1", "amount": Decimal("300.1")}
    assert 0 < answer.seconds < 3


def test_a_fraction_in_an_answer_never_passes_through_a_float(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(200, b'{"a": 0.1, "b": 12345678901234567890.123456789, "c": 7}')
    data = connect().call(READ, ONE).data
    assert data == {"a": Decimal("0.1"), "b": Decimal("12345678901234567890.123456789"), "c": 7}


@pytest.mark.parametrize("body", [b"", b"  "])
def test_an_empty_success_is_done_without_data(system: Scripted, connect: Connect, body: bytes) -> None:
    system.script = lambda h: h.answer(200, body)
    answer = connect().call(WRITE, ONE)
    assert (answer.outcome, answer.data) == ("done", None)


@pytest.mark.parametrize(
    ("status", "outcome", "retryable"),
    [
        (400, "failed", False),
        (401, "failed", False),
        (403, "failed", False),
        (404, "failed", False),
        (409, "failed", False),
        (422, "failed", False),
        (429, "failed", True),
        (503, "failed", True),
        (500, "unknown", False),
        (502, "unknown", False),
        (504, "unknown", False),
        (307, "failed", False),
        (303, "unknown", False),
    ],
)
def test_the_status_of_a_write_says_whether_it_was_done(
    system: Scripted, connect: Connect, status: int, outcome: str, retryable: bool
) -> None:
    system.script = lambda h: h.answer(status, {"message": "No such payment"})
    answer = connect().call(WRITE, ONE)
    assert (answer.ok, answer.outcome, answer.retryable, answer.status) == (False, outcome, retryable, status)
    assert "No such payment" in answer.error
    assert len(system.seen) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 502, 503])
def test_every_failure_of_a_read_is_failed(system: Scripted, connect: Connect, status: int) -> None:
    system.script = lambda h: h.answer(status, {"message": "no"})
    answer = connect().call(READ, ONE)
    assert (answer.outcome, answer.retryable) == ("failed", status in {429, 500, 502, 503})


def test_the_error_text_stands_where_the_map_says_and_hidden_characters_are_visible(
    system: Scripted, connect: Connect
) -> None:
    text = "Not\u202e allowed\u0007 " + "x" * 2000
    system.script = lambda h: h.answer(422, {"fault": {"text": text}, "message": "other"})
    answer = connect(answer={"error": "fault.text"}).call(WRITE, ONE)
    assert "Not\\u202e allowed\\u0007" in answer.error
    assert "other" not in answer.error
    assert len(answer.error) <= 500


def test_retry_after_is_kept_in_seconds_and_as_a_date(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(503, {}, {"Retry-After": "17"})
    assert connect().call(WRITE, ONE).retry_after == 17.0
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    system.script = lambda h: h.answer(503, {}, {"Retry-After": later})
    assert 90 < (connect().call(WRITE, ONE).retry_after or 0) <= 100
    for odd in ("soon", "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"):
        system.script = lambda h, odd=odd: h.answer(503, {}, {"Retry-After": odd})  # type: ignore[misc]
        assert connect().call(WRITE, ONE).retry_after is None


def test_a_refused_connection_is_not_sent(connect: Connect) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    there = connect(url=f"http://127.0.0.1:{port}")
    answer = there.call(WRITE, ONE)
    assert (answer.outcome, answer.retryable, answer.status) == ("not_sent", True, None)
    assert there.call(READ, ONE).outcome == "failed"


def test_a_name_that_nobody_knows_is_not_sent(connect: Connect) -> None:
    answer = connect(url="http://payments.invalid").call(WRITE, ONE)
    assert (answer.outcome, answer.retryable) == ("not_sent", True)


def test_a_failed_tls_handshake_is_not_sent(system: Scripted, connect: Connect) -> None:
    answer = connect(url=system.url.replace("http:", "https:")).call(WRITE, ONE)
    assert (answer.outcome, answer.retryable) == ("not_sent", True)
    assert system.seen == []


def test_a_time_out_after_sending_a_write_is_unknown(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: time.sleep(1.5)
    answer = connect(timeout=0.3).call(WRITE, ONE)
    assert (answer.outcome, answer.retryable, answer.status) == ("unknown", False, None)
    assert 0.25 < answer.seconds < 1.0
    assert len(system.seen) == 1
    assert connect(timeout=0.3).call(READ, ONE).outcome == "failed"


@pytest.mark.parametrize("status", [None, 200, 201])
def test_a_cut_connection_leaves_a_write_unknown(system: Scripted, connect: Connect, status: int | None) -> None:
    system.script = lambda h: h.cut(status=status)
    answer = connect().call(WRITE, ONE)
    assert (answer.outcome, answer.retryable) == ("unknown", False)
    assert len(system.seen) == 1
    assert connect().call(READ, ONE).outcome == "failed"


def test_a_cut_refusal_is_still_a_refusal(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.cut(status=404)
    assert connect().call(WRITE, ONE).outcome == "failed"


def test_a_dripping_answer_is_cut_at_the_total_time_limit(system: Scripted, connect: Connect) -> None:
    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    system.script = drip
    answer = connect(timeout=0.5).call(WRITE, ONE)
    assert answer.outcome == "unknown"
    assert answer.seconds < 1.0


def test_dripping_headers_are_cut_at_the_total_time_limit(system: Scripted, connect: Connect) -> None:
    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    system.script = drip
    answer = connect(timeout=0.5).call(READ, ONE)
    assert (answer.outcome, answer.status) == ("failed", None)
    assert answer.seconds < 1.0


def test_a_server_that_does_not_read_the_request_is_cut_at_the_total_time_limit(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        there = connect(url=f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.5)
        answer = there.call(WRITE, ONE | {"text": "x" * 4_900_000})
    assert answer.outcome == "unknown"
    assert answer.seconds < 1.5


def test_a_big_answer_is_not_read_to_its_end(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(200, b'"' + b"x" * (MOST_BYTES + 10) + b'"')
    answer = connect().call(WRITE, ONE)
    assert answer.outcome == "unknown"
    assert "too big" in answer.error


def test_a_compression_bomb_is_not_unpacked(system: Scripted, connect: Connect) -> None:
    bomb = zlib.compress(b'"' + b"x" * 30_000_000 + b'"')
    system.script = lambda h: h.answer(200, bomb, {"Content-Encoding": "deflate"})
    answer = connect(timeout=10).call(READ, ONE)
    assert answer.outcome == "failed"
    assert "too big" in answer.error


def test_an_unasked_compressed_answer_is_read(system: Scripted, connect: Connect) -> None:
    machine = zlib.compressobj(wbits=31)
    body = machine.compress(b'{"id": 1}') + machine.flush()
    system.script = lambda h: h.answer(200, body, {"Content-Encoding": "gzip"})
    assert connect().call(READ, ONE).data == {"id": 1}
    assert system.seen[0].headers["accept-encoding"] == "identity"


ODD = [
    b"<html>",
    b"{",
    b"{'a': 1}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b"[" * 100_000,
    b"[" * 80 + b"]" * 80,
    b'{"a": 1e999999}',
    b'{"a": ' + b"1" * 5_000 + b"}",
    b"\xff\xfe\x00",
    b'{"a": 1} trailing',
    b"{" * 5,
    b'"\x00"',
]


@pytest.mark.parametrize("body", ODD)
def test_odd_json_is_unreadable_and_so_unknown_for_a_write(system: Scripted, connect: Connect, body: bytes) -> None:
    system.script = lambda h: h.answer(200, body)
    answer = connect().call(WRITE, ONE)
    assert (answer.outcome, answer.data) == ("unknown", None)
    assert connect().call(READ, ONE).outcome == "failed"


def test_characters_that_cannot_be_stored_are_replaced(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(200, b'{"a\\u0000": ["\\ud800x", "\\u0000", "\\ud83d\\ude00"]}')
    assert connect().call(READ, ONE).data == {"a\ufffd": ["\ufffdx", "\ufffd", "\U0001f600"]}


def test_the_useful_part_is_taken_from_where_the_map_says(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(200, {"data": {"text": '{"id": "r1"}'}, "error": None})
    shape = {"result": "data.text", "error": "error", "parse": "json"}
    assert connect(answer=shape).call(WRITE, ONE).data == {"id": "r1"}


def test_an_error_inside_a_success_is_a_failure(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(200, {"data": None, "error": "Too late"})
    answer = connect(answer={"result": "data", "error": "error"}).call(WRITE, ONE)
    assert (answer.outcome, answer.retryable, answer.error) == ("failed", False, "Too late")


@pytest.mark.parametrize("body", [{"other": 1}, {"data": {"id": 1}, "error": "and yet"}, [1], "text"])
def test_a_write_answered_in_another_shape_is_unknown(system: Scripted, connect: Connect, body: object) -> None:
    system.script = lambda h: h.answer(200, body)
    assert connect(answer={"result": "data", "error": "error"}).call(WRITE, ONE).outcome == "unknown"


def test_a_null_result_is_a_result(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(200, {"data": {"gone": None}})
    answer = connect(answer={"result": "data.gone"}).call(WRITE, ONE)
    assert (answer.outcome, answer.data) == ("done", None)


@pytest.mark.parametrize("shape", [{"result": "a..b"}, {"reslut": "a"}, {"parse": "xml"}, {"error": 5}])
def test_a_wrong_shape_in_the_map_is_found_before_anything_is_sent(
    system: Scripted, connect: Connect, shape: dict[str, object]
) -> None:
    answer = connect(answer=shape).call(WRITE, ONE)
    assert (answer.outcome, answer.retryable) == ("not_sent", False)
    assert system.seen == []
    assert connect(answer=shape).problems(WRITE)


def test_redirects_are_not_followed(system: Scripted, connect: Connect) -> None:
    target = f"http://localhost:{system.port}/payments/other"
    system.script = lambda h: h.answer(302, {}, {"Location": target})
    answer = connect().call(READ, ONE)
    assert (answer.outcome, answer.retryable, answer.status) == ("failed", False, 302)
    assert len(system.seen) == 1


def test_a_cookie_is_not_carried_into_the_next_call(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(200, {}, {"Set-Cookie": "session=customer-1"})
    connect().call(READ, ONE)
    connect().call(READ, ONE)
    assert "cookie" not in system.seen[1].headers


def test_proxies_of_the_environment_are_ignored(
    system: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert connect().call(READ, ONE).ok


def test_calls_of_one_process_share_connections(system: Scripted, connect: Connect) -> None:
    for _ in range(5):
        assert connect().call(READ, ONE).ok
    assert len(system.connections) == 1


def test_a_connection_that_the_system_closed_meanwhile_is_not_used_again(system: Scripted, connect: Connect) -> None:
    def once(handler: Handler) -> None:
        handler.answer(200, {})
        handler.close_connection = True

    system.script = once
    for _ in range(3):
        assert connect().call(WRITE, ONE).outcome == "done"
        time.sleep(0.05)


def test_a_look_up_tries_again_until_the_system_recovers(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(*((503, {}) if len(system.seen) < 3 else (200, {"id": 1})))
    answer = connect().look_up(READ, ONE)
    assert answer.data == {"id": 1}
    assert len(system.seen) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_a_look_up_does_not_repeat_what_was_refused(system: Scripted, connect: Connect, status: int) -> None:
    system.script = lambda h: h.answer(status, {})
    assert not connect().look_up(READ, ONE).ok
    assert len(system.seen) == 1


def test_a_look_up_stays_within_the_time_limit(system: Scripted, connect: Connect) -> None:
    system.script = lambda h: h.answer(503, {})
    answer = connect(timeout=0.6).look_up(READ, ONE)
    assert (answer.outcome, answer.retryable) == ("failed", True)
    assert answer.seconds < 0.9


def test_a_look_up_keeps_retry_after_and_leaves_a_long_wait_to_its_caller(system: Scripted, connect: Connect) -> None:
    moments: list[float] = []

    def busy(handler: Handler) -> None:
        moments.append(time.monotonic())
        handler.answer(503 if len(moments) == 1 else 200, {}, {"Retry-After": "1"})

    system.script = busy
    assert connect().look_up(READ, ONE).ok
    assert moments[1] - moments[0] >= 1.0
    system.script = lambda h: h.answer(503, {}, {"Retry-After": "600"})
    answer = connect().look_up(READ, ONE)
    assert answer.retry_after == 600
    assert answer.seconds < 0.5


def test_a_look_up_refuses_a_write(system: Scripted, connect: Connect) -> None:
    assert not connect().look_up(WRITE, ONE).ok
    assert system.seen == []


def test_a_hanging_system_does_not_hold_up_calls_beside_it(system: Scripted, connect: Connect) -> None:
    def script(handler: Handler) -> None:
        if "slow" in handler.path:
            time.sleep(1.0)
        handler.answer(200, {})

    system.script = script
    slow = threading.Thread(target=connect(timeout=0.8).call, args=(READ, {"id": "slow"}))
    slow.start()
    answers: list[Answer] = [connect().call(READ, ONE) for _ in range(10)]
    assert all(answer.ok and answer.seconds < 0.5 for answer in answers)
    slow.join()


def test_health_says_in_words_how_the_system_is(system: Scripted, connect: Connect) -> None:
    for status, well in [(200, True), (404, True), (302, True), (401, False), (500, False)]:
        system.script = lambda h, status=status: h.answer(status, {})  # type: ignore[misc]
        found, words = connect().health()
        assert (found, bool(words)) == (well, True)
    assert connect(url="http://payments.invalid").health()[0] is False


def test_discover_reads_the_openapi_document_of_the_system(system: Scripted, connect: Connect) -> None:
    document = {"openapi": "3.1.0", "paths": {"/orders/{number}": {"get": {"operationId": "getOrder"}}}}
    system.script = lambda h: h.answer(200, document) if h.path == "/v3/api-docs" else h.answer(404, {})
    (draft,) = connect().discover()
    assert (draft["name"], draft["kind"]) == ("payments.get_order", "read")
    system.script = lambda h: h.answer(200, b"<html>")
    with pytest.raises(ValueError, match="cannot be read"):
        connect().discover()


def test_the_largest_safe_numbers_reach_the_system_as_written(system: Scripted, connect: Connect) -> None:
    amount = Decimal("0.30000000000000000001")
    connect().call(WRITE, ONE | {"amount": amount, "whole": 2**63, "plain": Decimal("300.00")})
    assert system.seen[0].body == b'{"amount":0.30000000000000000001,"whole":9223372036854775808,"plain":300.00}'


def test_an_operation_without_a_usable_call_is_not_sent(system: Scripted, connect: Connect) -> None:
    odd = OperationSpec("payments.odd", call={"method": "GET", "path": "@evil.example/x"})
    assert connect().call(odd, {}).outcome == "not_sent"
    assert system.seen == []
    json.dumps(connect().problems(odd))


def test_a_forked_process_does_not_use_its_parents_connections(system: Scripted, connect: Connect) -> None:
    assert connect().call(READ, ONE).ok
    child = multiprocessing.get_context("fork").Process(target=connect().call, args=(READ, ONE))
    child.start()
    child.join(10)
    assert len(system.connections) == 2
    assert connect().call(READ, ONE).ok
    assert len(system.connections) == 2
