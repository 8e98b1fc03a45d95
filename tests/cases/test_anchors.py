"""Anchors show what a chain alone cannot: an end that was cut, a chain that was computed anew, an older database."""

import errno
import json
import os
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from cases import anchors, ledger, transitions
from cases.actors import CONTROL
from cases.clock import database_now
from cases.ledger import Entry, append_company
from cases.models import Anchor, Case, Event
from orchestrator.embedded.postgres import DATABASE, EmbeddedPostgres
from tests.cases.test_ledger import a_case, chains, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, settings: Any) -> Path:
    """A file of its own, as a data folder has one."""
    settings.LEDGER_ANCHOR_FILE = str(tmp_path / "kept" / "anchors.jsonl")
    return Path(settings.LEDGER_ANCHOR_FILE)


@pytest.fixture
def owner(postgres: EmbeddedPostgres, transactional_db: None) -> Iterator[psycopg.Connection]:
    """Whoever owns the machine: no trigger stops them."""
    with postgres.connect(database=DATABASE) as line:
        line.execute("SET session_replication_role = replica")
        yield line


def recompute(owner: psycopg.Connection, case: Case, seq: int) -> None:
    """Change one event's code and compute every later hash of the chain and its head anew."""
    owner.execute("UPDATE cases_event SET code = 'test.other' WHERE case_id = %s AND seq = %s", [case.pk, seq])
    head = ""
    for event in Event.objects.filter(case=case).order_by("seq"):
        head = ledger.link(
            head,
            case_id=case.pk,
            seq=event.seq,
            at=event.at,
            code=event.code,
            actor=event.actor,
            details=event.detail_digest,
        )
        owner.execute("UPDATE cases_event SET hash = %s WHERE id = %s", [head, event.pk])
    owner.execute("UPDATE cases_case SET head = %s WHERE id = %s", [head, case.pk])


def cut(owner: psycopg.Connection, case: Case, last: int) -> None:
    """Take the chain's end off, and let the head say that it always ended there."""
    gone = "(SELECT id FROM cases_event WHERE case_id = %s AND seq > %s)"
    owner.execute(f"DELETE FROM cases_eventdetail WHERE event_id IN {gone}", [case.pk, last])
    owner.execute("DELETE FROM cases_event WHERE case_id = %s AND seq > %s", [case.pk, last])
    owner.execute(
        "UPDATE cases_case SET seq = %s, head = (SELECT hash FROM cases_event WHERE case_id = %s AND seq = %s) "
        "WHERE id = %s",
        [last, case.pk, last, case.pk],
    )


def test_it_agrees_with_its_anchors_while_the_ledger_grows() -> None:
    first, _second = chains()
    anchors.take()
    write(first, Entry("test.later", CONTROL))
    a_case()
    anchors.take()
    checked = anchors.verify()
    assert (checked.problem, checked.anchors) == (None, 2)


def test_it_agrees_before_anything_happened() -> None:
    anchors.take()
    assert anchors.verify().problem is None


def test_it_finds_an_end_that_was_cut_off(owner: psycopg.Connection) -> None:
    first, _second = chains()
    anchors.take()
    cut(owner, first, 3)
    assert ledger.verify().first_broken is None
    assert "2 events that the anchor of" in str(anchors.verify().problem)


def test_it_finds_a_chain_that_was_computed_anew_and_says_where_to_look(owner: psycopg.Connection) -> None:
    first, second = chains()
    anchors.take()
    write(second, Entry("test.later", CONTROL))
    recompute(owner, first, 2)
    assert ledger.verify().first_broken is None
    problem = str(anchors.verify().problem)
    assert f"event 1 of C-{first.pk}" in problem
    assert f"C-{second.pk}" not in problem


def test_it_says_between_which_anchors_a_change_lies(owner: psycopg.Connection) -> None:
    _first, second = chains()
    good = anchors.take()
    write(second, Entry("test.later", CONTROL))
    anchors.take()
    recompute(owner, second, 6)
    problem = str(anchors.verify().problem)
    assert f"all agreed at the anchor of {good.words}" in problem
    assert f"event 6 of C-{second.pk}" in problem


def test_it_finds_a_cut_company_chain(owner: psycopg.Connection) -> None:
    chains()
    anchors.take()
    owner.execute(
        "DELETE FROM cases_eventdetail WHERE event_id IN (SELECT id FROM cases_event WHERE case_id IS NULL AND seq = 3)"
    )
    owner.execute("DELETE FROM cases_event WHERE case_id IS NULL AND seq = 3")
    owner.execute(
        "UPDATE cases_chainhead SET seq = 2, head = (SELECT hash FROM cases_event WHERE case_id IS NULL AND seq = 2)"
    )
    assert ledger.verify().first_broken is None
    assert "are missing" in str(anchors.verify().problem)


def test_the_file_still_knows_an_anchor_that_was_deleted_from_the_table(owner: psycopg.Connection) -> None:
    first, _second = chains()
    anchors.take()
    owner.execute("DELETE FROM cases_anchor")
    cut(owner, first, 2)
    assert anchors.verify().problem is not None


@pytest.mark.parametrize("part", ["digest", "last_event", "at", "signature"])
def test_it_refuses_a_changed_line_of_the_file(file: Path, part: str) -> None:
    chains()
    anchors.take()
    line = json.loads(file.read_text())
    line[part] = line[part] + 1 if part == "last_event" else "x" + str(line[part])[1:]
    file.write_text(json.dumps(line) + "\n")
    assert "line 1" in str(anchors.verify().problem)


def test_it_refuses_an_anchor_that_somebody_wrote_into_the_table(owner: psycopg.Connection) -> None:
    chains()
    anchors.take()
    owner.execute("UPDATE cases_anchor SET events = events + 1")
    assert "not signed with LEDGER_KEY" in str(anchors.verify().problem)


def test_an_old_key_still_verifies_and_a_foreign_one_does_not(settings: Any) -> None:
    chains()
    anchors.take()
    old = settings.LEDGER_KEY
    settings.LEDGER_KEY = f"{'n' * 40},{old}"
    anchors.take()
    assert anchors.verify().problem is None
    settings.LEDGER_KEY = "f" * 40
    assert anchors.verify().problem is not None


def test_it_names_the_anchor_that_a_restored_database_is_behind(owner: psycopg.Connection) -> None:
    first, _second = chains()
    anchors.take()
    for _n in range(3):
        write(first, Entry("test.later", CONTROL))
    newest = anchors.take()
    older_copy(owner, first, newest)
    problem = str(anchors.verify().problem)
    assert f"behind the anchor of {newest.words}" in problem


def older_copy(owner: psycopg.Connection, case: Case, newest: Any) -> None:
    """The database as it was before the newest anchor: neither its events nor its row are there."""
    owner.execute("DELETE FROM cases_anchor WHERE signature = %s", [newest.signature])
    cut(owner, case, 5)


def test_after_a_restore_was_accepted_it_holds_again_and_says_so(owner: psycopg.Connection) -> None:
    first, _second = chains()
    anchors.take()
    write(first, Entry("test.later", CONTROL))
    newest = anchors.take()
    older_copy(owner, first, newest)
    call_command("anchor_ledger", accept_restore="The disk was lost", stdout=StringIO())
    checked = anchors.verify()
    assert (checked.problem, checked.anchors) == (None, 2)
    told = Event.objects.get(code="ledger.restore_accepted").detail.data
    assert told["reason"] == "The disk was lost"
    cut(owner, first, 1)
    assert anchors.verify().problem is not None


def test_it_waits_for_who_is_writing(app_connection: psycopg.Connection) -> None:
    """An event with a lower number that is committed later must not make a true anchor disagree."""
    first, second = chains()
    inside, go = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            case = transitions.lock(first.pk)
            transitions.save(case, [Entry("test.slow", CONTROL)], now=database_now())
            inside.set()
            go.wait(10)
        connection.close()

    writer = threading.Thread(target=slow)
    writer.start()
    inside.wait(10)
    write(second, Entry("test.fast", CONTROL))
    threading.Timer(0.3, go.set).start()
    taken = anchors.take()
    writer.join()
    assert taken.events == Event.objects.count()
    assert anchors.verify().problem is None


def test_the_command_fails_when_it_does_not_hold(owner: psycopg.Connection) -> None:
    first, _second = chains()
    anchors.take()
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert "1 anchors agree" in out.getvalue()
    recompute(owner, first, 4)
    with pytest.raises(CommandError, match=f"C-{first.pk}"):
        call_command("verify_ledger", stdout=StringIO())


def test_the_command_checks_one_case(owner: psycopg.Connection) -> None:
    first, second = chains()
    owner.execute("UPDATE cases_event SET actor = 'nobody' WHERE case_id = %s AND seq = 2", [first.pk])
    call_command("verify_ledger", case=f"C-{second.pk}", stdout=StringIO())
    with pytest.raises(CommandError, match="event 2 of"):
        call_command("verify_ledger", case=f"c-{first.pk}", stdout=StringIO())
    with pytest.raises(CommandError, match="no case"):
        call_command("verify_ledger", case="C-999999", stdout=StringIO())


def test_the_daily_task_takes_an_anchor_and_says_what_is_wrong(owner: psycopg.Connection) -> None:
    from orchestrator.flow import services

    first, _second = chains()
    assert services.anchor() is None
    recompute(owner, first, 4)
    assert services.anchor() is not None
    assert Anchor.objects.count() == 2


def test_it_mails_the_anchor_where_addresses_are_set(settings: Any, mailoutbox: list[Any]) -> None:
    settings.LEDGER_ANCHOR_MAIL = ["auditor@example.com"]
    with transaction.atomic():
        append_company([Entry("company.test", CONTROL)], now=database_now())
    taken = anchors.take()
    assert taken.digest in mailoutbox[0].body


class FullDisk:
    """`os.write` on a disk that still has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, handle: int, line: bytes) -> int:
        taken = _write(handle, line[: self.room])
        self.room -= taken
        if line and not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return taken


_write = os.write


def test_a_full_disk_leaves_no_half_anchor_that_would_look_like_tampering(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chains()
    anchors.take()
    kept = file.read_bytes()
    monkeypatch.setattr(os, "write", FullDisk(room=4_096))
    with pytest.raises(CommandError, match=r"The anchor could not be written to the file: .*No space left"):
        call_command("anchor_ledger", stdout=StringIO())
    assert file.read_bytes() == kept
    monkeypatch.setattr(os, "write", _write)
    anchors.take()
    assert anchors.verify().problem is None
    assert len(file.read_text().splitlines()) == 2


def test_the_rest_of_an_anchor_that_a_crash_cut_is_taken_for_none(file: Path) -> None:
    chains()
    anchors.take()
    anchors.take()
    whole = file.read_bytes()
    file.write_bytes(whole[:-300])  # the machine went down while the second was written
    checked = anchors.verify()
    assert (checked.problem, checked.anchors) == (None, 2)  # the table has both
    anchors.take()
    assert anchors.verify().problem is None
    assert file.read_bytes().startswith(whole.splitlines(keepends=True)[0])
    assert len(file.read_text().splitlines()) == 2


def test_a_whole_anchor_without_an_end_of_line_is_kept(file: Path) -> None:
    """As a file has it that was put together by hand, out of the mails."""
    chains()
    anchors.take()
    file.write_text(file.read_text().rstrip("\n"))
    anchors.take()
    assert len(file.read_text().splitlines()) == 2
    assert len(list(anchors._of_file())) == 2


def test_file_and_mail_do_not_stand_in_for_each_other(file: Path, settings: Any, mailoutbox: list[Any]) -> None:
    """A mail server that is away is not said to be the file, and a file that cannot be written costs no mail."""
    chains()
    settings.LEDGER_ANCHOR_MAIL = ["auditor@example.com"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(anchors.NotKept, match=r"^The anchor could not be sent by mail: [^:]*refused"):
        anchors.take()
    assert len(file.read_text().splitlines()) == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.LEDGER_ANCHOR_FILE = str(file / "below a file")
    with pytest.raises(anchors.NotKept, match=r"^The anchor could not be written to the file"):
        anchors.take()
    assert len(mailoutbox) == 1


def test_a_file_that_cannot_be_read_is_told_and_no_trace(file: Path, settings: Any) -> None:
    """It may belong to another user, such as who once took an anchor by hand; root can read all but a folder."""
    chains()
    anchors.take()
    settings.LEDGER_ANCHOR_FILE = str(file.parent)
    with pytest.raises(CommandError, match=r"The anchors cannot be read: .*Is a directory"):
        call_command("verify_ledger", stdout=StringIO())
    settings.LEDGER_ANCHOR_FILE = str(file)
    file.write_bytes(b"\xff\xfe")
    assert "The anchors cannot be read" in str(anchors.verify().problem)
