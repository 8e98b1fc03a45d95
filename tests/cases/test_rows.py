"""Rows by kept statements: what goes in comes out, changes go out together, and each keeps its own condition."""

import gc
import uuid
from typing import Any
from weakref import ref

import pytest
from django.db import DataError, connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from agents.models import Proposal, Run, Write
from approvals.models import Approval, Asked, Decision
from cases import rows
from cases.clock import database_now
from cases.models import Case, Message
from tests.company import Small


class Gone(Exception):
    """Somebody else was first."""


def message(case: Case, text: str) -> Message:
    return Message(case=case, direction="in", author="Chan", text=text, language="en", at=database_now())


def test_what_goes_in_comes_out(company: Small) -> None:
    case = company.receive()
    odd: dict[str, Any] = {"a": [1, None, 2.5, "“é”\n'\\", {"b": True}, ""], "": "😀"}
    rows.change(
        case, {"facts": odd, "confidence": 0.25, "finish_due": None, "confidential": True}, guard={}, missed=None
    )
    (read,) = rows.read(Case, "id = %s", [case.pk])
    known = Case.objects.get(pk=case.pk)
    for name in [one.attname for one in Case._meta.concrete_fields]:
        assert getattr(read, name) == getattr(known, name), name
    assert read.facts == odd and read.confidence == 0.25 and read.confidential and not read._state.adding


@pytest.mark.parametrize("model", [Case, Message, Run, Proposal, Write, Approval, Asked, Decision])
def test_a_fresh_row_is_as_its_model_makes_it(company: Small, model: type[Model]) -> None:
    company.waiting()
    given: dict[str, Any] = {"case": Case.objects.latest("pk"), "turn": 7, "state": "open", "team_id": None}
    names = {name for one in model._meta.concrete_fields for name in (one.name, one.attname)}
    given = {name: value for name, value in given.items() if name in names}
    made, known = rows.fresh(model, **given), model(**given)
    assert made._state.adding and made._state.db == known._state.db
    for one in model._meta.concrete_fields:
        if one.default is not uuid.uuid4:
            assert getattr(made, one.attname) == getattr(known, one.attname), one.name
    assert isinstance(made.pk, type(known.pk))
    if "case" in given:
        assert made.case is given["case"]  # type: ignore[attr-defined]
    again = rows.fresh(model)
    assert not any(v is made.__dict__[n] for n, v in again.__dict__.items() if isinstance(v, dict | list))


def test_a_fresh_row_takes_no_name_that_it_has_not(db: None) -> None:
    with pytest.raises(TypeError, match="Case has no field colour"):
        rows.fresh(Case, colour="red")


def test_changes_and_added_rows_go_out_in_one_statement(company: Small) -> None:
    case = company.receive()
    with CaptureQueriesContext(connection) as asked, rows.together():
        rows.change(case, {"subject": "First"}, guard={"seq": case.seq}, missed=Gone)
        rows.insert(message(case, "one"), message(case, "two"))
        rows.change(case, {"subject": "Last"}, guard={"seq": case.seq}, missed=Gone)
    assert len([q for q in asked if "WITH p0" in q["sql"]]) == 1
    assert Case.objects.get(pk=case.pk).subject == "Last"
    assert list(case.messages.order_by("id").values_list("text", flat=True))[1:] == ["one", "two"]


def test_added_rows_learn_their_numbers_and_take_later_changes(company: Small) -> None:
    case = company.receive()
    first, second = message(case, "one"), message(case, "two")
    with rows.together():
        rows.insert(first, second)
        rows.change(second, {"text": "changed"}, guard={}, missed=Gone)
    assert Message.objects.get(pk=first.pk).text == "one" and Message.objects.get(pk=second.pk).text == "changed"


def test_a_missed_guard_rolls_all_of_it_back(company: Small) -> None:
    case = company.receive()
    with pytest.raises(Gone), transaction.atomic(), rows.together():
        rows.insert(message(case, "one"))
        rows.change(case, {"subject": "Mine"}, guard={"seq": case.seq + 1}, missed=Gone)
    assert case.messages.count() == 1 and Case.objects.get(pk=case.pk).subject != "Mine"


def test_a_later_change_keeps_its_own_guard(company: Small) -> None:
    """Whatever was gathered for the row before: of the row as it was, and of what is gathered."""
    case = company.receive()
    for wrong in ({"seq": case.seq + 1}, {"subject": "Other"}):
        with pytest.raises(Gone), transaction.atomic(), rows.together():
            rows.change(case, {"subject": "Mine"}, guard={}, missed=None)
            rows.change(case, {"language": "en"}, guard=wrong, missed=Gone)
        assert Case.objects.get(pk=case.pk).subject != "Mine"
    with rows.together():
        rows.change(case, {"subject": "Mine"}, guard={}, missed=None)
        rows.change(case, {"language": "zh"}, guard={"subject": "Other"}, missed=None)
        rows.change(case, {"language": "en"}, guard={"subject": "Mine", "seq": case.seq}, missed=Gone)
    case.refresh_from_db()
    assert (case.subject, case.language) == ("Mine", "en")


def test_a_closed_connection_is_let_go(transactional_db: None) -> None:
    gone = []
    for _n in range(3):
        rows.execute("SELECT 1", [])
        gone.append(ref(connection.connection))
        connection.close()
    gc.collect()
    assert [one() for one in gone] == [None] * 3


@pytest.mark.parametrize(
    "written", ["2026-11-26 09:30:15", "2026-11-26 09:30:15.1", "2026-11-26 09:30:15.00012", "0001-01-01", "9999-12-31"]
)
def test_a_time_is_read_as_the_orm_reads_it(db: None, written: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [f"{written}+00"])
        [(wanted,)] = cursor.fetchall()
    [(found,)] = rows.execute("SELECT $1::timestamptz", [f"{written}+00"])
    assert (found, found.tzinfo) == (wanted, wanted.tzinfo)


def test_a_time_that_python_has_no_form_for_is_refused(db: None) -> None:
    for written in ("infinity", "0044-03-15 12:00+00 BC"):
        with pytest.raises(DataError), transaction.atomic():
            rows.execute("SELECT $1::timestamptz", [written])


def test_what_raises_sends_nothing(company: Small) -> None:
    case = company.receive()
    with pytest.raises(ZeroDivisionError), rows.together():
        rows.change(case, {"subject": "Mine"}, guard={}, missed=None)
        _ = 1 / 0
    rows.change(case, {"language": "en"}, guard={}, missed=None)  # nothing of before is left over
    assert Case.objects.get(pk=case.pk).subject != "Mine"


def test_reading_shows_what_was_gathered(company: Small) -> None:
    case = company.receive()
    with rows.together():
        rows.insert(message(case, "one"))
        rows.insert(message(case, "two"))
        assert [one.text for one in rows.read(Message, "case_id = %s", [case.pk], "ORDER BY id")][1:] == ["one", "two"]


def test_a_statement_is_prepared_once_whatever_its_values(company: Small) -> None:
    def plans() -> int:
        return int(rows.execute("SELECT count(*) FROM pg_prepared_statements", [])[0][0])

    case = company.receive()
    for values in ({"confidence": None, "outcome": ""}, {"confidence": 0.5, "outcome": "x"}):
        rows.change(case, values, guard={"turn": 1}, missed=Gone)
    before = max(plans(), plans())  # the question itself is prepared when it comes again
    for values in ({"confidence": 123456789.5, "outcome": "y" * 60}, {"confidence": None, "outcome": "0"}):
        rows.change(case, values, guard={"turn": 1}, missed=Gone)
    assert plans() == before
