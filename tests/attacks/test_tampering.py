"""U03: whatever somebody who owns the machine does to the ledger by SQL is found, and the first bad line is named.

Columns, rows, order and ends are tampered with at random places of several chains. What a chain alone cannot show (an
end that was cut together with its head, a chain computed anew, an older state put back) is shown by the anchors.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cases import anchors, ledger
from cases.actors import CONTROL
from cases.ledger import Entry
from cases.models import Case, Event
from orchestrator.embedded.postgres import DATABASE, EmbeddedPostgres
from tests.cases.test_anchors import cut, recompute
from tests.cases.test_ledger import chains, write
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

TABLES = ("cases_event", "cases_eventdetail", "cases_chainhead", "cases_case")


@dataclass
class Place:
    """Where to tamper: the event `seq` of `case`, `other` a second case, `last` the last seq of `case`."""

    sql: psycopg.Connection
    rng: random.Random
    case: Case
    other: Case
    seq: int
    last: int

    def run(self, query: str, **more: Any) -> None:
        values = {"c": self.case.pk, "o": self.other.pk, "n": self.seq, "last": self.last, **more}
        assert self.sql.execute(query, values).rowcount, query

    def event(self, seq: int | None = None) -> str:
        return f"event {self.seq if seq is None else seq} of C-{self.case.pk}"


THIS = "case_id = %(c)s AND seq = %(n)s"
DETAIL = f"event_id = (SELECT id FROM cases_event WHERE {THIS})"


def column(at: Place) -> str:
    name, value = at.rng.choice(
        [("code", "'other'"), ("actor", "'somebody'"), ("at", "at + interval '1 microsecond'"),
         ("hash", "repeat('0', 64)"), ("hash", "upper(hash)"), ("detail_digest", "repeat('1', 64)"),
         ("code", "code || ' '"), ("actor", "actor || chr(8203)")]
    )  # fmt: skip
    at.run(f"UPDATE cases_event SET {name} = {value} WHERE {THIS}")
    return at.event()


def details(at: Place) -> str:
    change = at.rng.choice(
        ["""data = data || '{"n": 99}'""", "data = '{}'", "salt = repeat('a', 32)", """data = data || '{"_actor": {}}'""",
         "salt = upper(salt) || ' '"]
    )  # fmt: skip
    at.run(f"UPDATE cases_eventdetail SET {change} WHERE {DETAIL}")
    return at.event()


def hash_of_one_anew(at: Place) -> str:
    """An event with another code and the hash that goes with it; those after it stay as they are."""
    event = Event.objects.get(case=at.case, seq=at.seq)
    before = Event.objects.get(case=at.case, seq=at.seq - 1)
    forged = ledger.link(before.hash, case_id=at.case.pk, seq=at.seq, at=event.at, code="other", actor=event.actor,
                         details=event.detail_digest)  # fmt: skip
    at.run(f"UPDATE cases_event SET code = 'other', hash = %(h)s WHERE {THIS}", h=forged)
    return at.event(min(at.seq + 1, at.last))


def details_gone(at: Place) -> str:
    at.run(f"DELETE FROM cases_eventdetail WHERE {DETAIL}")
    return at.event()


def one_gone(at: Place) -> str:
    at.run(f"DELETE FROM cases_event WHERE {THIS}")
    return at.event(at.last - 1) if at.seq == at.last else f"event {at.seq} is missing"


def inserted(at: Place) -> str:
    """A forged event between two others, the later ones moved up."""
    for seq in range(at.last, at.seq, -1):
        at.run("UPDATE cases_event SET seq = seq + 1 WHERE case_id = %(c)s AND seq = %(x)s", x=seq)
    at.run(
        "INSERT INTO cases_event (case_id, seq, at, code, actor, detail_digest, hash) SELECT case_id, %(n)s + 1, at, "
        f"'forged', actor, detail_digest, hash FROM cases_event WHERE {THIS}"
    )
    return at.event(at.seq + 1)


def swapped(at: Place) -> str:
    first, second = sorted(at.rng.sample(range(1, at.last + 1), 2))
    at.run(
        "UPDATE cases_event a SET code = b.code, actor = b.actor, at = b.at, hash = b.hash, "
        "detail_digest = b.detail_digest FROM cases_event b WHERE a.case_id = %(c)s AND b.case_id = %(c)s "
        "AND (a.seq, b.seq) IN ((%(x)s, %(y)s), (%(y)s, %(x)s))",
        x=first, y=second,
    )  # fmt: skip
    return at.event(first)


def moved(at: Place) -> str:
    """The last event of one case becomes the last of another."""
    at.run("UPDATE cases_event SET case_id = %(o)s, seq = 99 WHERE case_id = %(c)s AND seq = %(last)s")
    return "event"


def tail_cut(at: Place) -> str:
    at.run("DELETE FROM cases_event WHERE case_id = %(c)s AND seq > %(x)s", x=max(1, at.seq - 1))
    return at.event(max(1, at.seq - 1))


def head_moved(at: Place) -> str:
    at.run("UPDATE cases_case SET seq = seq - 1 WHERE id = %(c)s")
    return at.event(at.last)


def chain_gone(at: Place) -> str:
    at.run("DELETE FROM cases_event WHERE case_id = %(c)s")
    return "whole chain"


def cut_with_its_head(at: Place) -> str:
    cut(at.sql, at.case, max(1, at.seq - 1))
    return f"C-{at.case.pk}"


def computed_anew(at: Place) -> str:
    recompute(at.sql, at.case, at.seq)
    return f"C-{at.case.pk}"  # the anchor before it says from where on to look


BY_THE_CHAIN: list[Callable[[Place], str]] = [
    column, hash_of_one_anew, details, details_gone, one_gone, inserted, swapped, moved, tail_cut, head_moved, chain_gone,
]  # fmt: skip
BY_AN_ANCHOR: list[Callable[[Place], str]] = [cut_with_its_head, computed_anew]


@pytest.fixture
def sql(
    postgres: EmbeddedPostgres, transactional_db: None, tmp_path: Path, settings: Any
) -> Iterator[psycopg.Connection]:
    """Whoever owns the machine: no trigger stops them. The anchors' file is a file of its own."""
    settings.LEDGER_ANCHOR_FILE = str(tmp_path / "anchors.jsonl")
    with postgres.connect(database=DATABASE) as line:
        line.execute("SET session_replication_role = replica")
        yield line


def copied(sql: psycopg.Connection) -> dict[str, bytes]:
    found = {}
    for table in TABLES:
        with sql.cursor().copy(f"COPY {table} TO STDOUT") as copy:
            found[table] = b"".join(bytes(part) for part in copy)
    return found


def put_back(sql: psycopg.Connection, rows: dict[str, bytes]) -> None:
    for table, data in rows.items():
        sql.execute(f"DELETE FROM {table}")
        with sql.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(data)
    sql.commit()


@guarantee("U03", ci=100, release=1_000)
def test_every_tampering_is_found_and_the_first_bad_line_is_named(sql: psycopg.Connection, size: Size) -> None:
    cases = chains()
    for case in cases:
        write(case, *[Entry(f"test.more.{n}", CONTROL, {"n": n, "text": "x" * n}) for n in range(4)])
    anchors.take()
    sound = copied(sql)
    ways = [*BY_THE_CHAIN, *BY_AN_ANCHOR]
    for n in size.each():
        rng = random.Random(n)
        case, other = rng.sample(cases, 2)
        last = Event.objects.filter(case=case).count()
        at = Place(sql, rng, case, other, rng.randrange(2, last + 1), last)
        way = ways[n % len(ways)]
        said = way(at)
        sql.commit()
        alone, anchored = ledger.verify().first_broken, anchors.verify().problem
        found = anchored if way in BY_AN_ANCHOR else alone
        if found is None or said not in found:
            size.failed(f"{way.__name__} at {at.event()}: wanted {said}, found {found}")
        if anchored is None:
            size.failed(f"{way.__name__}: the command that checks everything finds nothing")
        put_back(sql, sound)
        if n % 25 == 0:
            assert anchors.verify().problem is None, "what was put back is sound"


@guarantee("U03", ci=3, release=30)
def test_an_older_state_that_was_put_back_is_found(sql: psycopg.Connection, size: Size) -> None:
    """An old dump restored behind our back: every chain holds, and the anchor in the file knows better."""
    cases = chains()
    for n in size.each():
        old = copied(sql)
        for case in cases:
            write(Case.objects.get(pk=case.pk), Entry("test.later", CONTROL, {"n": n}))
        anchors.take()
        new = copied(sql)
        sql.execute("CREATE TEMP TABLE IF NOT EXISTS kept_anchor AS SELECT * FROM cases_anchor")
        sql.execute("DELETE FROM cases_anchor")
        put_back(sql, old)
        if ledger.verify().first_broken is not None or anchors.verify().problem is None:
            size.failed(f"{n}: {ledger.verify().first_broken} / {anchors.verify().problem}")
        put_back(sql, new)
