"""Rows by statements that are kept: whole rows in, and changes of several rows out as one statement.

Django's compiler works each query out anew; on the way of a case that was most of the work. The few statements that
every case goes through are therefore texts, bound by the server and prepared there, with one plan for all values: each
goes by a key, and no index it needs has a condition on a bound value. Everything else uses the ORM.
Within `together()` changes are gathered and sent as one statement, each still guarded by its own condition.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from types import NoneType, SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections, models
from django.db.models.base import ModelState
from psycopg.adapt import Loader

M = TypeVar("M", bound=models.Model)
Missed = Callable[[], Exception]
"""Makes the error that is raised when a guarded row was not there any more as it was."""


# ---------------------------------------------------------------------- one statement


def execute(text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run one statement with `$1`, `$2` ... that answers with rows. Prepared by the server when it comes again."""
    ours: Any = connections[DEFAULT_DB_ALIAS]  # the proxy would look this up for each of the next words
    ours.close_if_health_check_failed()
    if ours.connection is None:
        ours.ensure_connection()
    try:
        return _run(ours, text, values)
    except NotSupportedError:  # a column that it answers with has another type now: it has to be prepared anew
        if ours.in_atomic_block:
            raise  # nothing more is done in this transaction, and its rollback forgets what was prepared
    ours.connection.execute("DEALLOCATE ALL")  # psycopg forgets it too
    return _run(ours, text, values)


def _run(ours: Any, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    kept: dict[str, Any] = vars(ours.connection)  # used by one thread at a time; gone when the connection is
    cursors: dict[str, Any] = kept.setdefault(_CURSORS, {})
    bound = cursors.get(text)
    if bound is None:  # one for each text: psycopg works out once how its columns are read
        if len(cursors) >= _MOST_TEXTS:
            cursors.clear()
        bound = cursors[text] = _Bound(ours.connection)
    if ours.queries_logged or ours.execute_wrappers:
        cursor = ours.make_debug_cursor(bound) if ours.queries_logged else ours.make_cursor(bound)
        cursor.execute(text, values)
        logged: list[tuple[Any, ...]] = cursor.fetchall()
        return logged
    ours.validate_no_broken_transaction()
    with ours.wrap_database_errors:
        bound.run(text, values)
        found: list[tuple[Any, ...]] = bound.fetchall()
        return found


_CURSORS = "cursors of rows"


class _Bound(psycopg.RawCursor[Any]):
    """Binds at the server, and keeps its text where Django's log of queries looks for it."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.adapters.register_loader("timestamptz", _Moment)

    run = psycopg.RawCursor.execute

    def execute(self, query: Any, params: Any = None, **more: Any) -> "_Bound":
        try:
            return super().execute(query, params, **more)
        finally:
            self._query = SimpleNamespace(query=query.encode())  # type: ignore[assignment]


class _Moment(Loader):
    """A time of a session in UTC, read by Python's own reader, which is in C."""

    def load(self, data: Any) -> datetime:
        text = bytes(data).decode()
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:  # before Christ, or `infinity`
            raise psycopg.DataError(f"a time that Python has no form for: {text}") from error


def numbered(text: str, first: int = 1) -> str:
    """A text with `%s` as one with `$1`, `$2` ..., as the server binds them."""
    head, *tails = text.split("%s")
    return head + "".join(f"${first + n}{tail}" for n, tail in enumerate(tails))


# ---------------------------------------------------------------------- reading


def read(model: type[M], where: str, values: Sequence[Any], tail: str = "") -> list[M]:
    """Whole rows of one table: `where` (and `tail`: order, lock) are SQL with `%s`. Related rows are not read.

    Changes of this table that are still gathered are sent first.
    """
    settle(model)
    rows = execute(_select(model, where, tail), [text_of(value) for value in values])
    return [made(model, row) for row in rows]


def settle(*models_: type[M]) -> None:
    """Send what was gathered if changes of these tables are among it: before reading them with `execute`."""
    batch = _open.get()
    if batch is not None and any(batch.has(model) for model in models_):
        batch.send()


@cache
def _select(model: type[models.Model], where: str, tail: str) -> str:
    table = model._meta.db_table
    return numbered(f"SELECT {columns(model)} FROM {table} WHERE {where} {tail}")  # noqa: S608  # our own texts


@cache
def columns(model: type[models.Model], prefix: str = "") -> str:
    """The columns of a whole row, in the order in which `made` takes them."""
    return ", ".join(f'{prefix}"{one.column}"' for one in model._meta.concrete_fields)


def made(model: type[M], row: Sequence[Any]) -> M:
    """The instance of a row that begins with `columns(model)`; what follows is the caller's."""
    names, loaders = _loaders(model)
    instance = model.__new__(model)  # as `from_db` would, without asking each field how it wants to be set
    own = instance.__dict__
    own.update(zip(names, row, strict=False))
    for name, load in loaders:
        own[name] = load(own[name])
    own["_state"] = state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    return instance


@cache
def _loaders(model: type[models.Model]) -> tuple[list[str], list[tuple[str, Callable[[Any], Any]]]]:
    fields = model._meta.concrete_fields
    return [one.attname for one in fields], [(f.attname, _from_json) for f in fields if isinstance(f, models.JSONField)]


def _from_json(value: Any) -> Any:
    if value == "{}":  # what most of them are
        return {}
    return _decoded(value)[0] if isinstance(value, str) else value


_decoded = json.JSONDecoder().raw_decode  # PostgreSQL puts nothing before or after it


def fresh(model: type[M], **values: Any) -> M:
    """`model(**values)`, without asking each field how it wants to be set. Raises TypeError for a name it has not."""
    instance = model.__new__(model)
    own = instance.__dict__
    own["_state"] = state = ModelState()
    defaults, makers, related = _blank(model)
    own.update(defaults)
    for name, make in makers:
        if name not in values:
            own[name] = make()
    for name, value in values.items():
        if name in own:
            own[name] = value
        elif name in related:
            own[related[name]] = None if value is None else value.pk
            put_beside(instance, name, value)
            if value is not None:
                state.db = DEFAULT_DB_ALIAS  # where the other one is
        else:
            raise TypeError(f"{model.__name__} has no field {name}")
    return instance


@cache
def _blank(model: type[models.Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]], dict[str, str]]:
    """Defaults by attribute, what makes those that are made anew for each row, and the names that take another row,
    each with the attribute of its number.
    """
    fields = model._meta.concrete_fields
    makers = [(one.attname, one.default) for one in fields if one.has_default() and callable(one.default)]
    anew = dict(makers)
    defaults = {one.attname: None if one.attname in anew else one.get_default() for one in fields}
    return defaults, makers, {one.name: one.attname for one in fields if one.many_to_one}


def put_beside(row: models.Model, name: str, other: models.Model | None) -> None:
    """Give `row` the related row whose number it holds already: nobody has to ask for it, and nothing changes."""
    row._state.fields_cache[name] = other


# ---------------------------------------------------------------------- values


def text_of(value: Any) -> Any:
    """A value as text that the server reads by the type of its column; so one statement stays one prepared plan."""
    known = _TEXTS.get(type(value))
    if known is not None:
        return known(value)
    if isinstance(value, models.Model):
        return text_of(value.pk)
    return str(value)


def _same(value: Any) -> Any:
    return value


_TEXTS: dict[type, Callable[[Any], Any]] = {
    NoneType: _same,
    str: str,
    list: _same,
    int: str,
    UUID: str,
    bool: {True: "t", False: "f"}.__getitem__,
    date: date.isoformat,
    datetime: datetime.isoformat,
}


def _json_of(value: Any) -> Any:
    if value is None:
        return None
    return json.dumps(value) if value or not isinstance(value, dict) else "{}"


@cache
def _field(model: type[models.Model], name: str) -> tuple[str, str, Callable[[Any], Any]]:
    """(column, attribute, how its values become text) of a field by its name."""
    found: Any = next(one for one in model._meta.concrete_fields if name in (one.name, one.attname))
    return found.column, found.attname, _json_of if isinstance(found, models.JSONField) else text_of


# ---------------------------------------------------------------------- changing


def insert(*rows: models.Model) -> None:
    """Add rows; those of one model that follow one another go in together. Numbers are filled in when they are sent.

    A change of a row that is still gathered changes what will be added.
    """
    with together() as batch:
        for row in rows:
            batch.insert(row)


def change(row: models.Model, values: Mapping[str, Any], *, guard: Mapping[str, Any], missed: Missed | None) -> None:
    """Store `values` on the row if `guard` still holds for it in the database, and set them in memory.

    `missed`: raised if it does not; None: then nothing is to be stored, and nobody minds.
    """
    with together() as batch:
        batch.change(row, values, guard, missed)
    for name, value in values.items():
        setattr(row, name, value)


def add(text: str, values: Sequence[Any]) -> None:
    """One more `INSERT` or `UPDATE` with `%s`; `{name}` in it stands for a name of its own."""
    with together() as batch:
        batch.parts.append(_Raw(text, [text_of(value) for value in values]))


def send() -> None:
    """Send what was gathered so far: before reading rows that may be among it."""
    batch = _open.get()
    if batch is not None:
        batch.send()


def together() -> "_Batch":
    """Gather the changes within this `with` block and send them as one statement at its end; none if it raises.

    What is read meanwhile does not show them: call `send` before reading what they change.
    """
    return _open.get() or _Batch()


@dataclass
class _Insert:
    model: type[models.Model]
    rows: list[models.Model]
    numbered: bool  # by the database

    @property
    def key(self) -> Any:
        return "insert", self.model, len(self.rows), self.numbered

    def text(self, name: str) -> str:
        names = _inserted(self.model, self.numbered)
        marks = "(" + ", ".join(["%s"] * len(names)) + ")"
        into = ", ".join(f'"{_field(self.model, one)[0]}"' for one in names)
        lines = ", ".join([marks] * len(self.rows))
        pk = _pk(self.model).column
        return f'{name} AS (INSERT INTO {self.model._meta.db_table} ({into}) VALUES {lines} RETURNING "{pk}")'  # noqa: S608

    def values(self) -> list[Any]:
        kept = [_field(self.model, name)[1:] for name in _inserted(self.model, self.numbered)]
        return [
            None if (value := row.__dict__[attribute]) is None else convert(value)
            for row in self.rows
            for attribute, convert in kept
        ]


@dataclass
class _Change:
    row: models.Model
    changed: dict[str, Any]
    guard: dict[str, Any]
    missed: Missed | None

    @property
    def model(self) -> type[models.Model]:
        return type(self.row)

    @property
    def key(self) -> Any:
        return "change", self.model, tuple(self.changed), tuple(self.guard)

    def join(self, values: Mapping[str, Any], guard: Mapping[str, Any], missed: Missed | None) -> None:
        """A later change of the same row, as if the first were stored already: what it expects otherwise is missed at
        once, and the rest of its guard is compared with the row as it was.
        """
        if any((self.guard | self.changed).get(name, value) != value for name, value in guard.items()):
            if missed is not None:
                raise missed()
            return
        self.guard |= {name: value for name, value in guard.items() if name not in self.changed}
        self.changed |= values
        self.missed = self.missed or missed

    def text(self, name: str) -> str:
        model = self.model
        sets = ", ".join(f'"{_field(model, one)[0]}" = %s' for one in self.changed)
        holds = [f'"{name_}" = %s' for name_ in (_pk(model).column, *(_field(model, one)[0] for one in self.guard))]
        return f"{name} AS (UPDATE {model._meta.db_table} SET {sets} WHERE {' AND '.join(holds)} RETURNING 1)"  # noqa: S608

    def values(self) -> list[Any]:
        model = self.model
        values = [_field(model, name)[2](value) for name, value in self.changed.items()]
        return [*values, text_of(self.row.pk), *(text_of(value) for value in self.guard.values())]


@dataclass
class _Raw:
    sql: str
    given: list[Any]

    @property
    def key(self) -> Any:
        return "raw", self.sql

    def text(self, name: str) -> str:
        return self.sql.replace("{name}", name)

    def values(self) -> list[Any]:
        return self.given


@dataclass
class _Batch:
    """Changes that go out in one statement. A row is named once: later changes of it join the first."""

    parts: list[_Insert | _Change | _Raw] = field(default_factory=list)
    depth: int = 0  # of blocks within one another: the outermost sends

    def __enter__(self) -> "_Batch":
        if self.depth == 0:
            _open.set(self)
        self.depth += 1
        return self

    def __exit__(self, failed: object, *_more: object) -> None:
        try:
            if self.depth == 1 and failed is None:
                self.send()
        finally:
            self.depth -= 1
            if self.depth == 0:
                _open.set(None)

    def insert(self, row: models.Model) -> None:
        last, numbered = self.parts[-1] if self.parts else None, row.pk is None
        if isinstance(last, _Insert) and last.model is type(row) and last.numbered == numbered:
            last.rows.append(row)
        else:
            self.parts.append(_Insert(type(row), [row], numbered))

    def change(self, row: models.Model, values: Mapping[str, Any], guard: Mapping[str, Any], missed: Any) -> None:
        for part in self.parts:
            if isinstance(part, _Insert) and any(one is row for one in part.rows):
                return  # it goes in as it is in memory when it is sent
            if isinstance(part, _Change) and type(part.row) is type(row) and part.row.pk == row.pk:
                part.join(values, guard, missed)
                return
        self.parts.append(_Change(row, dict(values), dict(guard), missed))

    def has(self, model: type[models.Model]) -> bool:
        return any(isinstance(part, _Insert | _Change) and part.model is model for part in self.parts)

    def send(self) -> None:
        """One statement for all; raises what a missed guard says."""
        parts, self.parts = self.parts, []
        if not parts:
            return
        answer = execute(_text_of(parts), [value for part in parts for value in part.values()])[0]
        for part, found in zip(parts, answer, strict=True):
            if isinstance(part, _Change) and part.missed is not None and not found:
                raise part.missed()
            if isinstance(part, _Insert):
                if part.numbered:
                    for row, number in zip(part.rows, found, strict=True):
                        row.pk = number
                for row in part.rows:
                    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


_open: ContextVar[_Batch | None] = ContextVar("rows_together", default=None)
_texts: dict[Any, str] = {}
_MOST_TEXTS = 2_000


def _text_of(parts: Sequence[_Insert | _Change | _Raw]) -> str:
    """`WITH p0 AS (…), p1 AS (…) SELECT …`: how many rows each change met, and the numbers of added rows."""
    key = tuple(part.key for part in parts)
    known = _texts.get(key)
    if known is None:
        known = _texts[key] = _written(parts)
        if len(_texts) > _MOST_TEXTS:  # never in practice: the ways of a case are few
            _texts.clear()
    return known


def _written(parts: Sequence[_Insert | _Change | _Raw]) -> str:
    named = [part.text(f"p{n}") for n, part in enumerate(parts)]
    told = []
    for n, part in enumerate(parts):
        if isinstance(part, _Insert):
            told.append(f"ARRAY(SELECT {_pk(part.model).column} FROM p{n})")  # noqa: S608
        else:
            told.append("NULL" if isinstance(part, _Raw) else f"(SELECT count(*) FROM p{n})")  # noqa: S608
    return numbered(f"WITH {', '.join(named)} SELECT {', '.join(told)}")


@cache
def _inserted(model: type[models.Model], without_pk: bool) -> tuple[str, ...]:
    fields = model._meta.concrete_fields
    return tuple(one.name for one in fields if not (without_pk and one.primary_key))


def _pk(model: type[models.Model]) -> Any:
    return model._meta.pk
