"""Many cases out of a few: copies of cases that the product itself made, for trials with a grown database.

A copy has rows of its own in every table that hangs on a case, with keys and times of its own, and a hash chain worked
out anew by the ledger's own functions, so that `verify_ledger` holds. Rows travel as PostgreSQL's COPY text: a cell
that stays the same is never read by Python. Copies of waiting approvals are to be looked at: their fingerprint is the
one of their pattern, so that a decision on one is told that it changed.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import connection, models, transaction

from agents.models import Proposal, Run, Write
from approvals.models import Approval, Asked, Decision
from cases import ledger
from cases.models import Case, CaseSight, Event, EventDetail, Message

BATCH = 500  # cases a transaction
OF_A_CASE: tuple[tuple[type[models.Model], str], ...] = (
    (Case, "id"),
    (Message, "case_id"),
    (CaseSight, "case_id"),
    (Run, "case_id"),
    (Proposal, "case_id"),
    (Write, "case_id"),
    (Approval, "case_id"),
    (Asked, "approval_id IN (SELECT id FROM approvals_approval WHERE case_id"),
    (Decision, "approval_id IN (SELECT id FROM approvals_approval WHERE case_id"),
)
NULL = r"\N"

Values = list[str]
"""What is new in one copy: the case's id, then a value for each key of its rows."""
Cell = str | datetime | tuple[str | int, ...]
"""Text as it is, a time that is moved, or pieces of text and places in `Values`."""


def seed(number: int, *, days: int, most_open: int, tell: Callable[[int], None]) -> int:
    """Make `number` copies of the cases that are here, closed ones spread over the last `days`; returns how many.

    `most_open` of them are copies of open cases. `tell` hears how many there are after each batch.
    Raises ValueError when there is no case to copy.
    """
    patterns = [
        Pattern.read(pk)
        for pk in Case.objects.exclude(status="merged").order_by("-pk")[:200].values_list("pk", flat=True)
    ]
    closed = [p for p in patterns if p.closed]
    open_ = [p for p in patterns if not p.closed]
    if not patterns or not (closed or most_open):
        raise ValueError("there is no case to copy")
    share = min(most_open, number) if open_ else 0
    if not closed:
        share = number
    made = 0
    while made < number:
        size = min(BATCH, number - made)
        batch = []
        for n in range(made, made + size):
            if n < number - share:
                ago = timedelta(days=days) * (1 - n / max(number - share, 1))
                batch.append((closed[n % len(closed)], ago))
            else:
                batch.append((open_[n % len(open_)], timedelta(minutes=(number - n) % 60)))
        with transaction.atomic():
            _store(batch)
        made += size
        tell(made)
    return made


# ---------------------------------------------------------------------- one pattern


@dataclass
class Table:
    """The rows of one pattern in one table: which place in `Values` is a row's own key, and its cells."""

    model: type[models.Model]
    columns: list[str]
    keys: list[int] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)


@dataclass
class Told:
    """One event: what its hash is made of, and its details as they are stored."""

    at: datetime
    code: str
    actor: tuple[str | int, ...]
    operation_id: str
    salt: str
    digest: str
    data: str
    changing: tuple[str | int, ...] | None
    """The details with the places that differ in each copy; None where they are the same in all."""


@dataclass
class Pattern:
    """A case that is copied, taken apart once."""

    closed: bool
    tables: list[Table]
    events: list[Told]
    kinds: list[str]
    """What each place in `Values` is: "case", "uuid", or the name of the table whose sequence gives it."""
    head: int
    """The column of the case's own row that holds the end of its chain."""

    @classmethod
    def read(cls, pk: int) -> Pattern:
        """Take the case apart. A handful of queries."""
        case = Case.objects.only("status").get(pk=pk)
        tables = [_table(model, where, pk) for model, where in OF_A_CASE]
        kinds, places = ["case"], {f"C-{pk}": 0}
        own: dict[tuple[str, str], int] = {(Case._meta.db_table, str(pk)): 0}
        for table in tables:
            _name_keys(table, kinds, places, own)
        finder = re.compile("|".join(sorted(map(re.escape, places), key=len, reverse=True)) + r"(?![0-9])")
        for table in tables:
            table.rows = [_cells(table, row, own, places, finder) for row in table.rows]
        columns = tables[0].columns
        tables[0].rows[0][columns.index("external_id")] = ""
        return cls(not case.is_open, tables, _events(pk, places, finder), kinds, columns.index("head"))


def _table(model: type[models.Model], where: str, pk: int) -> Table:
    """The raw rows, each cell as COPY writes it."""
    columns = [str(f.column) for f in model._meta.concrete_fields]
    listed = ", ".join(f'"{c}"' for c in columns)
    close = ")" if "(" in where else ""
    query = f"COPY (SELECT {listed} FROM {model._meta.db_table} WHERE {where} = {int(pk)}{close} ORDER BY 1) TO STDOUT"  # noqa: S608  # names of our own models
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        text = b"".join(bytes(part) for part in copy).decode()
    return Table(model, columns, rows=[list(line.split("\t")) for line in text.splitlines()])


def _name_keys(table: Table, kinds: list[str], places: dict[str, int], own: dict[tuple[str, str], int]) -> None:
    """Give every row's key, and every other value that may stand only once, a place in `Values`."""
    meta = table.model._meta
    for row in table.rows:
        for f, cell in zip(meta.concrete_fields, row, strict=True):
            assert isinstance(cell, str)  # noqa: S101  # raw as yet
            once = f.primary_key or (f.unique and not f.is_relation)
            if not once or cell == NULL:
                continue
            if (meta.db_table, cell) not in own:
                own[meta.db_table, cell] = len(kinds)
                is_uuid = isinstance(f, models.UUIDField)
                kinds.append("uuid" if is_uuid else meta.db_table)
                if is_uuid:
                    places[cell] = len(kinds) - 1


def _cells(
    table: Table, row: Sequence[Cell], own: dict[tuple[str, str], int], places: dict[str, int], finder: re.Pattern[str]
) -> list[Cell]:
    made: list[Cell] = []
    for f, cell in zip(table.model._meta.concrete_fields, row, strict=True):
        assert isinstance(cell, str)  # noqa: S101  # raw as yet
        related = f.related_model
        target = related._meta.db_table if isinstance(related, type) else table.model._meta.db_table
        if cell == NULL:
            made.append(cell)
        elif (f.primary_key or f.is_relation) and (target, cell) in own:
            made.append((own[target, cell],))
        elif isinstance(f, models.DateTimeField):
            made.append(datetime.fromisoformat(cell))
        else:
            made.append(_parted(cell, places, finder))
    return made


def _parted(text: str, places: dict[str, int], finder: re.Pattern[str]) -> str | tuple[str | int, ...]:
    """The text itself, or its pieces around what differs in each copy."""
    pieces: list[str | int] = []
    end = 0
    for found in finder.finditer(text):
        place = places[found[0]]
        pieces += [text[end : found.start()], *(["C-", place] if place == 0 else [place])]
        end = found.end()
    return (*pieces, text[end:]) if pieces else text


def _events(pk: int, places: dict[str, int], finder: re.Pattern[str]) -> list[Told]:
    told = []
    for event in Event.objects.filter(case=pk).select_related("detail").order_by("seq"):
        data = json.dumps(event.detail.data, ensure_ascii=False)
        parted, actor = _parted(data, places, finder), _parted(event.actor, places, finder)
        told.append(
            Told(
                at=event.at,
                code=event.code,
                actor=actor if isinstance(actor, tuple) else (actor,),
                operation_id=str(event.operation_id) if event.operation_id else NULL,
                salt=event.detail.salt,
                digest=event.detail_digest,
                data=_escaped(data),
                changing=parted if isinstance(parted, tuple) else None,
            )
        )
    return told


# ---------------------------------------------------------------------- one batch


def _store(batch: Sequence[tuple[Pattern, timedelta]]) -> None:
    """Insert a copy of each pattern, moved back by its time."""
    numbers = _numbers(batch)
    values = [_values(pattern, numbers) for pattern, _ago in batch]
    heads, events, details = _chains(batch, values, numbers["cases_event"])
    for place, (model, _where) in enumerate(OF_A_CASE):
        lines: list[str] = []
        for (pattern, ago), own, head in zip(batch, values, heads, strict=True):
            for cells in pattern.tables[place].rows:
                row = [_text(cell, own, ago) for cell in cells]
                if model is Case:
                    row[pattern.head] = head
                lines.append("\t".join(row))
        columns = batch[0][0].tables[place].columns
        _copy(model, columns, lines)
    _copy(Event, [str(f.column) for f in Event._meta.concrete_fields], events)
    _copy(EventDetail, [str(f.column) for f in EventDetail._meta.concrete_fields], details)


def _numbers(batch: Sequence[tuple[Pattern, timedelta]]) -> dict[str, Iterator[int]]:
    """New numbers from each table's own sequence: as many as the batch needs. One query a table."""
    wanted: dict[str, int] = {"cases_event": 0}
    for pattern, _ago in batch:
        wanted["cases_event"] += len(pattern.events)
        for kind in pattern.kinds:
            if kind != "uuid":
                table = "cases_case" if kind == "case" else kind
                wanted[table] = wanted.get(table, 0) + 1
    numbers = {}
    with connection.cursor() as cursor:
        for table, count in wanted.items():
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            numbers[table] = iter([number for (number,) in cursor.fetchall()])
    return numbers


def _values(pattern: Pattern, numbers: dict[str, Iterator[int]]) -> Values:
    return [
        str(uuid.uuid4()) if kind == "uuid" else str(next(numbers["cases_case" if kind == "case" else kind]))
        for kind in pattern.kinds
    ]


def _chains(
    batch: Sequence[tuple[Pattern, timedelta]], values: Sequence[Values], numbers: Iterator[int]
) -> tuple[list[str], list[str], list[str]]:
    """The end of each chain, and the lines of all events and details."""
    heads, events, details = [], [], []
    for (pattern, ago), own in zip(batch, values, strict=True):
        head = ""
        for seq, told in enumerate(pattern.events, start=1):
            at, actor, data, digest = told.at - ago, _text(told.actor, own, ago), told.data, told.digest
            if told.changing is not None:
                text = _text(told.changing, own, ago)
                data, digest = _escaped(text), ledger.detail_digest(told.salt, json.loads(text))
            head = ledger.link(head, case_id=int(own[0]), seq=seq, at=at, code=told.code, actor=actor, details=digest)
            number = next(numbers)
            cells = (
                str(number), own[0], str(seq), _moment(at), told.code, _escaped(actor), told.operation_id, digest, head,
            )  # fmt: skip
            events.append("\t".join(cells))
            details.append(f"{number}\t{told.salt}\t{data}")
        heads.append(head)
    return heads, events, details


def _text(cell: Cell, own: Values, ago: timedelta) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, datetime):
        return _moment(cell - ago)
    return "".join(own[piece] if isinstance(piece, int) else piece for piece in cell)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _escaped(text: str) -> str:
    """As COPY's text format has it (PostgreSQL's documentation of COPY, "Text Format")."""
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def _copy(model: type[models.Model], columns: Sequence[str], lines: Sequence[str]) -> None:
    if not lines:
        return
    listed = ", ".join(f'"{c}"' for c in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {model._meta.db_table} ({listed}) FROM STDIN") as copy:
        copy.write("\n".join(lines) + "\n")
