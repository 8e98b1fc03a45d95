"""Effect keys, faults on demand, and that nothing acknowledged is lost by kill -9."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from orchestrator.demo.company.cast import CHAN, KA_YAN, payment_of
from tests.demo.process import RunningCompany

REFUND = f"/payments/{payment_of(CHAN.order)}/refunds"


def fault(company: RunningCompany, kind: str, operation: str = "payments.refund", **more: object) -> None:
    company.control("faults", {"operation": operation, "kind": kind, **more})


def test_the_same_key_gives_the_same_answer_and_one_effect(company: RunningCompany) -> None:
    first = company.write(REFUND, {"amount": 10}, key="k-1")
    again = company.write(REFUND, {"amount": 10}, key="k-1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert [one["effect_key"] for one in company.log("payments.refund")] == ["k-1"]


def test_a_key_with_other_arguments_is_refused(company: RunningCompany) -> None:
    company.write(REFUND, {"amount": 10}, key="k-1")
    other = company.write(REFUND, {"amount": 11}, key="k-1")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "key_reused")


def test_a_refused_call_leaves_its_key_free(company: RunningCompany) -> None:
    assert company.write(REFUND, {"amount": 9999}, key="k-1").status_code == 422
    assert company.write(REFUND, {"amount": 10}, key="k-1").status_code == 201


def test_a_key_counts_for_one_operation_only(company: RunningCompany) -> None:
    company.write("/vouchers", {"customer_id": CHAN.id, "amount": 10}, key="k-1")
    assert company.write(REFUND, {"amount": 10}, key="k-1").status_code == 201


def test_twenty_at_once_with_one_key_make_one_refund(company: RunningCompany) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: company.write(REFUND, {"amount": 10}, key="k-1").json()["id"], range(20)))
    assert len(set(answers)) == 1
    assert len(company.log("payments.refund")) == 1


def test_keys_can_be_ignored_per_operation_and_duplicates_are_in_the_log(company: RunningCompany) -> None:
    company.control("effect_keys", {"operation": "payments.refund", "honour": False})
    for _ in range(2):
        company.write(REFUND, {"amount": 10}, key="k-1")
        company.write("/vouchers", {"customer_id": CHAN.id, "amount": 10}, key="v-1")
    assert [one["effect_key"] for one in company.log("payments.refund")] == ["k-1", "k-1"]
    assert len(company.log("vouchers.create")) == 1


def test_503_happens_as_often_as_asked_and_does_nothing(company: RunningCompany) -> None:
    fault(company, "503", times=2, retry_after=3)
    answers = [company.write(REFUND, {"amount": 10}) for _ in range(3)]
    assert [one.status_code for one in answers] == [503, 503, 201]
    assert answers[0].headers["Retry-After"] == "3" and answers[0].json()["error"]["code"] == "unavailable"
    assert len(company.log()) == 1


def test_any_status_can_be_asked_for(company: RunningCompany) -> None:
    fault(company, "status", operation="orders.get", status=418)
    assert company.http.get(f"/orders/{CHAN.order}").status_code == 418


def test_cut_after_write_does_the_write_and_ends_the_connection(company: RunningCompany) -> None:
    fault(company, "cut_after_write")
    with pytest.raises(httpx.TransportError):
        company.write(REFUND, {"amount": 10}, key="k-1")
    assert len(company.log("payments.refund")) == 1
    again = company.write(REFUND, {"amount": 10}, key="k-1")
    assert again.status_code == 201 and len(company.log("payments.refund")) == 1


def test_cut_before_does_nothing_and_ends_the_connection(company: RunningCompany) -> None:
    fault(company, "cut_before")
    with pytest.raises(httpx.TransportError):
        company.write(REFUND, {"amount": 10})
    assert company.log() == []


def test_a_hanging_answer_does_nothing_and_holds_up_nobody_else(company: RunningCompany) -> None:
    fault(company, "hang", times=20, seconds=3)
    with ThreadPoolExecutor(20) as pool:
        hanging = [pool.submit(_times_out, company) for _ in range(20)]
        time.sleep(0.2)
        start = time.monotonic()
        company.get(f"/orders/{CHAN.order}")
        assert time.monotonic() - start < 1
        assert all(one.result() for one in hanging)
    assert company.log() == []


def _times_out(company: RunningCompany) -> bool:
    try:
        httpx.post(company.url + REFUND, json={"amount": 10}, headers=company.http.headers, timeout=1)
    except httpx.ReadTimeout:
        return True
    return False


def test_a_late_answer_was_done_at_once(company: RunningCompany) -> None:
    fault(company, "late_answer", seconds=0.8)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(company.write, REFUND, {"amount": 10})
        time.sleep(0.4)
        assert len(company.log("payments.refund")) == 1 and not late.done()
        assert late.result().status_code == 201


def test_faults_can_be_cleared_and_wrong_ones_are_refused(company: RunningCompany) -> None:
    fault(company, "503", times=50)
    assert company.http.delete("/_control/faults").json() == {"results": []}
    assert company.write(REFUND, {"amount": 10}).status_code == 201
    for body in (
        {"operation": "payments.refnd", "kind": "503"},
        {"operation": "payments.refund", "kind": "smoke"},
    ):
        assert company.http.post("/_control/faults", json=body).status_code == 422


def test_a_record_can_be_changed_from_outside(company: RunningCompany) -> None:
    order = company.get(f"/orders/{KA_YAN.order}")
    company.control("records", {"table": "orders", "id": KA_YAN.order, "change": {"status": "delivered"}})
    changed = company.get(f"/orders/{KA_YAN.order}")
    assert changed["status"] == "delivered" and changed["updated_at"] > order["updated_at"]
    assert company.log() == []
    wrong = {"table": "orders", "id": KA_YAN.order, "change": {"colour": "red"}}
    assert company.http.post("/_control/records", json=wrong).status_code == 422


def test_kill_9_loses_no_acknowledged_write_and_no_key(tmp_path: Path) -> None:
    company = RunningCompany(tmp_path)
    done = [
        company.write("/vouchers", {"customer_id": CHAN.id, "amount": n}, key=f"v-{n}").json() for n in range(1, 31)
    ]
    company.control("effect_keys", {"operation": "tickets.create", "honour": False})
    company.kill()
    company.start()
    assert [one["record"] for one in company.log("vouchers.create")] == [one["id"] for one in done]
    assert company.write("/vouchers", {"customer_id": CHAN.id, "amount": 7}, key="v-7").json() == done[6]
    assert len(company.log("vouchers.create")) == 30
    assert company.get("/_control/effect_keys") == {"ignored": ["tickets.create"]}
    assert company.write("/vouchers", {"customer_id": CHAN.id, "amount": 1}).json()["id"] == "V-500031"
    company.stop()


def test_kill_9_in_the_middle_of_writing_keeps_exactly_what_was_answered(tmp_path: Path) -> None:
    company = RunningCompany(tmp_path)
    answered: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(_keep_writing, company, answered) for _ in range(4)]
        time.sleep(0.5)
        company.process.kill()
        for one in running:
            one.result()
    company.kill()
    company.start()
    kept = {one["record"] for one in company.log("messages.send")}
    assert answered and set(answered) <= kept
    assert len(kept) - len(answered) <= 4
    company.stop()


def _keep_writing(company: RunningCompany, answered: list[str]) -> None:
    try:
        for _ in range(100_000):
            sent = company.write("/messages", {"to": CHAN.mail, "text": "x"})
            answered.append(sent.json()["id"])
    except httpx.TransportError:
        return


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    company = RunningCompany(tmp_path)
    company.write(REFUND, {"amount": 10})
    company.kill()
    with (tmp_path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"kind": "done", "seq": 2, "at"')
    company.start()
    assert len(company.log()) == 1
    company.write(REFUND, {"amount": 11})
    company.kill()
    company.start()
    assert len(company.log()) == 2
    company.stop()


def test_reset_goes_back_to_the_seed(company: RunningCompany) -> None:
    company.write(REFUND, {"amount": 10})
    company.control("reset", {})
    assert company.log() == [] and company.get(f"/payments/{payment_of(CHAN.order)}")["refundable"] == CHAN.total


def test_two_hundred_reads_cost_less_than_a_second_of_one_processor(company: RunningCompany) -> None:
    before = psutil.Process(company.process.pid).cpu_times()
    for _ in range(200):
        company.get(f"/orders/{CHAN.order}")
    after = psutil.Process(company.process.pid).cpu_times()
    assert after.user + after.system - before.user - before.system < 1
