"""The comparison of the ledger with the company's log (U02) sees every kind of difference."""

from collections.abc import Callable
from typing import Any

import pytest

from agents.models import Write
from tests.company import Small
from tests.faults.books import compare
from tests.guarantees import Size, guarantee

Log = list[dict[str, Any]]
OPERATIONS = {"/payments": "shop.refund", "/vouchers": "shop.voucher", "/tickets": "shop.ticket", "/notes": "shop.note"}


def log_of(company: Small) -> Log:
    """What the scripted system did, in the form of the demo company's log."""
    rows = []
    for one in company.shop.done:
        operation = next(name for path, name in OPERATIONS.items() if one["path"].startswith(path))
        arguments = {k: v for k, v in one.items() if k not in ("id", "path", "key")}
        if operation == "shop.refund":
            arguments["payment_id"] = one["path"].split("/")[2]
        rows.append(
            {"operation": operation, "effect_key": one["key"] or None, "arguments": arguments, "record": one["id"]}
        )
    return rows


def done_without_us(log: Log) -> None:
    log.append(log[0] | {"effect_key": "11111111-1111-4111-8111-111111111111"})


def done_twice(log: Log) -> None:
    log.append(dict(log[0]))


def never_done(log: Log) -> None:
    log.pop(0)


def other_arguments(log: Log) -> None:
    log[0]["arguments"] = log[0]["arguments"] | {"amount": 101}


def other_record(log: Log) -> None:
    log[0]["record"] = "d999"


def keyless_done_twice(log: Log) -> None:
    log.append(dict(next(row for row in log if row["effect_key"] is None)))


def other_operation(log: Log) -> None:
    row = next(row for row in log if row["effect_key"] is None)
    row["operation"] = "shop.gift"


def all_gone(log: Log) -> None:
    log.clear()


CHANGES: list[Callable[[Log], None]] = [
    done_without_us,
    done_twice,
    never_done,
    other_arguments,
    other_record,
    keyless_done_twice,
    other_operation,
    all_gone,
]


@guarantee("U02", ci=len(CHANGES), release=len(CHANGES))
def test_every_difference_between_log_and_ledger_is_seen(company: Small, size: Size) -> None:
    case, approval = company.waiting("two")
    company.decide(approval, option="both")
    company.go(case)
    company.go(company.receive("chores"))
    assert len(company.shop.done) == 3 and compare(log_of(company)) == []
    for n in size.each():
        log = log_of(company)
        CHANGES[n](log)
        if not compare(log):
            size.failed(f"{CHANGES[n].__name__} was not seen")


def test_a_read_that_the_system_knows_nothing_of_is_seen(company: Small) -> None:
    company.go(company.receive("chores"))
    read = {"operation": "shop.customer", "records": ["c1"]}
    found = compare(log_of(company), [read])
    assert any("reads of shop.order" in line for line in found)
    assert not any("shop.customer" in line for line in found)


@pytest.mark.parametrize("fault", ["cut", "cut_after"])
def test_what_is_not_known_yet_may_be_either(company: Small, fault: str) -> None:
    company.shop.faults["/notes"] = [fault]
    company.go(company.receive("notes"))
    assert Write.objects.get().state == "unknown"
    assert len(log_of(company)) == (fault == "cut_after") and compare(log_of(company)) == []
