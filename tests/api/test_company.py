"""The map, the numbers and the answer to "why?": complete, true, and only over what the token sees."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from approvals.models import Decision
from cases import ledger
from cases.actors import CONTROL
from cases.clock import database_now
from cases.ledger import Entry
from cases.models import Case, Company
from orchestrator.reports.rolling import roll_up
from tests.api.program import Program
from tests.world import World, add_case_row


def told(case: Case, *entries: Entry) -> None:
    """Add events to a case's ledger."""
    row = Case.objects.get(pk=case.pk)
    ledger.append(row, entries, now=timezone.now())
    row.save()


def test_the_audit_has_the_seven_records(world: World, reader: Program) -> None:
    told(
        world.case,
        Entry("request.received", CONTROL, {"through": "token shop"}),
        Entry("data.read", CONTROL, {"system": "orders", "operation": "orders.get", "fields": ["total"], "count": 1}),
        Entry("case.taken_over", CONTROL, {"turn": 2}),
        Entry("write.failed", CONTROL, {"operation": "payments.refund"}),
    )
    world.case.runs.create(step="work_out", agent=world.finance, turn=1, started_at=world.now)
    Decision.objects.create(
        approval=world.approval, user=world.manager, label="May Lee (may.lee)", team="support-managers",
        option="full", fingerprint="f" * 64, reason="Late", at=world.now,
    )  # fmt: skip
    said = reader.get(f"audit/cases/{world.case.number}/").json()
    assert said["source"]["through"] == "token shop"
    assert said["source"]["from"]["customer"] == "CU-77"
    read = next(row for row in said["data"] if row["what"] == "read")
    assert (read["operation"], read["fields"], read["by"]) == ("orders.get", ["total"], "control layer")
    assert any(row.get("fact") == "order_total" and str(row["value"]) == "480" for row in said["data"])
    assert said["agents"][0]["agent"] == "finance"
    assert str(said["rules"][0]["compared"][0]["right_value"]) == "300"
    decided = said["approvals"][0]["decisions"][0]
    assert (decided["by"], decided["option"], decided["reason"]) == ("May Lee (may.lee)", "full", "Late")
    refund = next(row for row in said["writes"] if row["option"] == "full" and row["operation"] == "payments.refund")
    assert str(refund["proposed"]["amount"]) == "480"
    assert refund["system"]
    assert "case.taken_over" in {row["code"] for row in said["problems"]}
    assert said["chain"]["holds"] is True
    assert said["chain"]["events"] == 4


def test_verifying_finds_what_was_changed(world: World, reader: Program, stranger: Program) -> None:
    told(world.case, Entry("request.received", CONTROL, {}), Entry("case.closed", CONTROL, {"outcome": "refused"}))
    assert reader.get("audit/verify/").json()["holds"] is True
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cases_case SET head = repeat('0', 64) WHERE id = %s", [world.case.pk])
    said = reader.get("audit/verify/").json()
    assert said["holds"] is False
    assert world.case.number in said["first_broken"]
    assert world.case.number not in stranger.get("audit/verify/").json()["first_broken"]
    assert reader.get(f"audit/cases/{world.case.number}/").json()["chain"]["holds"] is False


def test_the_summary_counts_what_happened(world: World, reader: Program) -> None:
    before = reader.get("reports/summary/").json()
    assert (before["received"], before["finished"], before["to_supervisor"]) == (1, 0, 1)
    assert before["lacked_data"] == {"count": 1, "facts": [{"fact": "refunds_90d", "count": 1}]}
    add_case_row(world.refund, world.now, status="done", lacked=[], late_since=world.now)
    by_hand = add_case_row(world.delivery, world.now, status="done", lacked=[])
    told(by_hand, Entry("case.taken_over", CONTROL, {}))
    refund = next(w for w in world.writes if w.option == "full" and w.operation == world.refund_payment)
    refund.state, refund.permit_fingerprint, refund.money = "written", "f" * 64, Decimal("480.00")
    refund.save()
    said = reader.get("reports/summary/").json()
    assert said["received"] == 3
    assert said["finished"] == 2
    assert said["finished_automatically"] == 1
    assert said["refunds"] == {"count": 1, "money": {"amount": "480.00", "currency": "HKD"}}
    assert said["late"] == 1
    assert said["by_status"] == {"done": 2, "waiting_approval": 1}
    assert said["by_type"] == {"late_delivery": 1, "refund": 2}
    only = reader.get("reports/summary/", type="late_delivery").json()
    assert (only["received"], only["refunds"]["count"]) == (1, 0)


def test_the_summary_keeps_to_its_days(world: World, reader: Program) -> None:
    add_case_row(world.refund, world.now, created_at=world.now - timedelta(days=100))
    assert reader.get("reports/summary/").json()["received"] == 1
    long_ago = (world.now - timedelta(days=101)).date().isoformat()
    assert reader.get("reports/summary/", **{"from": long_ago}).json()["received"] == 2
    assert reader.get("reports/summary/", **{"from": "0001-01-01", "to": "9999-12-31"}).json()["received"] == 2
    assert reader.get("reports/summary/", to=long_ago).json()["received"] == 0


@pytest.mark.parametrize(
    ("sent", "days"),
    [
        ({"to": "0001-01-05"}, ("0001-01-01", "0001-01-05")),  # thirty days before it there is no day
        ({"to": "0001-01-01"}, ("0001-01-01", "0001-01-01")),
        ({"to": "0001-01-30"}, ("0001-01-01", "0001-01-30")),
        ({"to": "9999-12-31"}, ("9999-12-02", "9999-12-31")),
        ({"from": "9999-12-31"}, ("9999-12-31", "9999-12-31")),
        ({"from": "0001-01-01", "to": "0001-01-01"}, ("0001-01-01", "0001-01-01")),
    ],
)
def test_the_summary_counts_the_first_and_the_last_days_there_are(
    world: World, reader: Program, sent: dict[str, str], days: tuple[str, str]
) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Kiritimati", "Pacific/Pago_Pago"):  # once with the roll-ups
        Company.objects.update(time_zone=zone)
        answer = reader.get("reports/summary/", **sent)
        assert answer.status_code == 200
        said = answer.json()
        assert (said["from"], said["to"], said["received"]) == (*days, 0)
        roll_up(now=database_now())


def test_the_map_is_the_one_in_force_without_secrets(world: World, reader: Program) -> None:
    said = reader.get("map/").json()
    assert said["work_command_map"] == 1
    assert "refund" in {row["name"] for row in said["request_types"]}
    check = reader.get("map/check/").json()
    assert check["ok"] == (not check["problems"])
