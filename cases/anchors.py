"""Anchors: a signed digest over the ends of all chains, kept in a table and outside the database as well.

Whoever owns the database can rewrite a chain so that it verifies, or cut its end off. They cannot sign, and they do
not have the file: an anchor taken before shows it. After a restore the file is ahead, and verifying says by how much.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import connection
from django.utils.translation import gettext as _

from cases import ledger
from cases.actors import Actor
from cases.canonical import canonical
from cases.clock import database_now
from cases.errors import WrongState
from cases.ledger import Verdict
from cases.models import Anchor

BUCKETS = 256  # a digest for each in the file says which cases to look at
RECENT, SPREAD = 7, 13  # anchors that are compared: the newest, and some over all the time before
PATIENCE = 30.0  # seconds that writing transactions get to end before an anchor is given up
_SEQUENCE = "SELECT last_value, pg_snapshot_xmax(pg_current_snapshot())::text FROM cases_event_id_seq"
_ENDED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8"
_HEADS = """
SELECT DISTINCT ON (case_id) case_id, seq, hash, id FROM cases_event WHERE id <= %s ORDER BY case_id, seq DESC
"""


@dataclass(frozen=True)
class Signed:
    """One anchor as it stands in the table or in the file; `buckets` stand in the file only."""

    at: str
    last_event: int
    events: int
    cases: int
    digest: str
    signature: str
    buckets: tuple[str, ...] = ()
    in_table: bool = False
    forgets: tuple[str, ...] = ()
    reason: str = ""

    @property
    def words(self) -> str:
        return self.at[:19].replace("T", " ") + " UTC"


@dataclass
class Checked:
    """What verifying chains and anchors found. `problem` names the first thing that is wrong, in words."""

    verdict: Verdict
    anchors: int = 0
    newest: str = ""
    problem: str | None = None


class Ends:
    """Digests over the ends of chains, fed in the order of the cases (the company's chain last)."""

    def __init__(self) -> None:
        self.parts = [hashlib.sha256() for _n in range(BUCKETS)]
        self.chains = 0

    def add(self, chain: int | None, seq: int, hash_: str) -> None:
        self.parts[(chain or 0) % BUCKETS].update(f"{chain or 'company'} {seq} {hash_}\n".encode())
        self.chains += 1

    @property
    def buckets(self) -> tuple[str, ...]:
        return tuple(part.hexdigest()[:32] for part in self.parts)

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"".join(part.digest() for part in self.parts)).hexdigest()


# ---------------------------------------------------------------------- taking


def take() -> Signed:
    """Take an anchor now: into the table, the file and, where addresses are set, by mail. Not inside a transaction.

    Raises `WrongState` when a writing transaction does not end in time, `NotKept` when file or mail failed (the table
    has the anchor then).
    """
    last = _settled()
    ends, highest = Ends(), 0
    with connection.chunked_cursor() as cursor:
        cursor.execute(_HEADS, [last])
        for case_id, seq, hash_, event_id in _rows(cursor):
            ends.add(case_id, seq, hash_)
            highest = max(highest, event_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cases_event WHERE id <= %s", [highest])
        events = cursor.fetchone()[0]
    now = database_now()
    content = _content(now, highest, events, ends.chains, ends.digest)
    row = Anchor.objects.create(
        at=now, last_event=highest, events=events, cases=ends.chains, digest=ends.digest, signature=sign(content)
    )
    signed = _of_row(row)
    _keep({**content, "signature": row.signature, "buckets": list(ends.buckets)})
    return signed


def accept_restore(*, actor: Actor, reason: str) -> list[str]:
    """After a restore: the anchors that this database does not agree with are left aside from now on.

    Returns when they were taken. A signed line in the file and an event of the company tell of it.
    """
    watch = Watch(_known())
    ledger.verify(watch=watch)
    wrong = [one.anchor for one in watch.close() if not one.agrees]
    if not wrong:
        return []
    now = database_now()
    names = [anchor.words for anchor in wrong]
    ledger.append_company_alone(
        [ledger.Entry("ledger.restore_accepted", actor, {"reason": reason, "anchors": names})], now=now
    )
    content = {"at": _time(now), "forgets": [a.signature for a in wrong], "reason": reason, "by": actor.label}
    _keep({**content, "signature": sign(content)})
    return names


def _settled() -> int:
    """The highest event number below which nothing more can be committed: who was writing has ended."""
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCE)
        last, running = cursor.fetchone()
        deadline = time.monotonic() + PATIENCE
        while True:
            cursor.execute(_ENDED, [running])
            if cursor.fetchone()[0]:
                return int(last)
            if time.monotonic() > deadline:
                raise WrongState(_("Something has been writing for long. No anchor was taken; try again."))
            time.sleep(0.02)


def _content(at: datetime, last_event: int, events: int, cases: int, digest: str) -> dict[str, Any]:
    return {"at": _time(at), "last_event": last_event, "events": events, "cases": cases, "digest": digest}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _rows(cursor: Any) -> Iterator[Sequence[Any]]:
    while rows := cursor.fetchmany(5000):
        yield from rows


# ---------------------------------------------------------------------- signing and keeping


def keys() -> list[bytes]:
    """The keys of LEDGER_KEY, the newest first: it signs, the others still verify what they signed."""
    return [part.strip().encode() for part in settings.LEDGER_KEY.split(",") if part.strip()]


def sign(content: Mapping[str, Any], key: bytes | None = None) -> str:
    """HMAC-SHA256 of the canonical JSON."""
    return hmac.new(key or keys()[0], canonical(content).encode(), hashlib.sha256).hexdigest()


def _holds(content: Mapping[str, Any], signature: str) -> bool:
    return any(hmac.compare_digest(sign(content, key), signature) for key in keys())


def anchor_file() -> Path:
    return Path(settings.LEDGER_ANCHOR_FILE)


def _keep(line: Mapping[str, Any]) -> None:
    """Add a line to the file, and mail it: two places, so one that cannot be reached does not leave the other out.

    Raises `NotKept` in words that name which.
    """
    text, missed = json.dumps(line, separators=(",", ":")), []
    try:
        _add_to_file(text.encode() + b"\n")
    except OSError as problem:
        missed.append(_("The anchor could not be written to the file: %(why)s") % {"why": problem})
    if settings.LEDGER_ANCHOR_MAIL:
        subject = f"Ledger anchor {line['at'][:19]}"
        try:
            send_mail(subject, text, None, settings.LEDGER_ANCHOR_MAIL)
        except OSError as problem:  # smtplib's errors are of this kind too
            missed.append(_("The anchor could not be sent by mail: %(why)s") % {"why": problem})
    if missed:
        raise NotKept(" ".join(missed))


def _add_to_file(line: bytes) -> None:
    """Write the whole line to the disk, or leave the file as it was. Raises OSError.

    A full disk takes part of a line, and so does a machine that goes down: the next anchor would stand on the same line
    and neither could be read. Such a rest was never reported as kept; the table has its anchor.
    """
    path = anchor_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        with contextlib.suppress(OSError):  # a share may know no locks; two anchors at one moment are rare
            fcntl.flock(handle, fcntl.LOCK_EX)
        rest = _rest(handle)
        if rest and not _is_whole(rest):
            os.ftruncate(handle, os.fstat(handle).st_size - len(rest))
        elif rest:
            line = b"\n" + line
        end = os.fstat(handle).st_size
        try:
            while line:
                line = line[os.write(handle, line) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)


def _rest(handle: int) -> bytes:
    """What stands behind the last end of a line: nothing, where every line was written to its end."""
    begin = size = os.fstat(handle).st_size
    rest = b""
    while begin and b"\n" not in rest:
        begin = max(0, begin - 65_536)
        rest = os.pread(handle, size - begin, begin)
    return rest[rest.rfind(b"\n") + 1 :]


def _is_whole(line: str | bytes) -> bool:
    """True for a whole JSON value: of an object that was cut anywhere before its last bracket nothing can be read."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


class NotKept(Exception):
    """An anchor stands in the table, but not everywhere outside the database where it has to; the words say where."""


class BadAnchor(Exception):
    """An anchor that cannot be trusted: not readable, or not signed with any of our keys."""


def _known() -> list[Signed]:
    """Every anchor of table and file that counts, oldest first. Raises `BadAnchor`."""
    found = {row.signature: _of_row(row) for row in Anchor.objects.order_by("id").iterator()}
    forgotten: set[str] = set()
    for one in _of_file():
        forgotten |= set(one.forgets)
        if one.forgets:
            continue
        known = found.get(one.signature)
        found[one.signature] = one if known is None else _both(one)
    anchors = [a for a in found.values() if a.signature not in forgotten]
    return sorted(anchors, key=lambda a: a.at)


def _both(one: Signed) -> Signed:
    return Signed(**{**vars(one), "in_table": True})


def _of_row(row: Anchor) -> Signed:
    content = _content(row.at, row.last_event, row.events, row.cases, row.digest)
    if not _holds(content, row.signature):
        raise BadAnchor(
            _("The anchor of %(at)s in the database is not signed with LEDGER_KEY, or was changed.")
            % {"at": _time(row.at)[:19]}
        )
    return Signed(**content, signature=row.signature, in_table=True)


def _of_file() -> Iterator[Signed]:
    path = anchor_file()
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip() and (
                    line.endswith("\n") or _is_whole(line)
                ):  # else the rest of one, see `_add_to_file`
                    yield _of_line(line, f"{path}, line {number}")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as problem:
        raise BadAnchor(_("The anchors cannot be read: %(why)s") % {"why": problem}) from problem


def _of_line(line: str, where: str) -> Signed:
    words = _("%(where)s: this anchor is not signed with LEDGER_KEY, or was changed.") % {"where": where}
    try:
        read = json.loads(line)
        signature, buckets = read.pop("signature"), tuple(read.pop("buckets", ()))
        if not _holds(read, signature):
            raise BadAnchor(words)
        if "forgets" in read:
            return Signed(read["at"], 0, 0, 0, "", signature, forgets=tuple(read["forgets"]), reason=read["reason"])
        return Signed(**read, signature=signature, buckets=buckets)
    except (ValueError, KeyError, TypeError) as problem:
        raise BadAnchor(words) from problem


# ---------------------------------------------------------------------- verifying


@dataclass
class Compared:
    """One anchor beside what the events of today give for its moment."""

    anchor: Signed
    ends: Ends = field(default_factory=Ends)
    events: int = 0

    @property
    def agrees(self) -> bool:
        return self.ends.digest == self.anchor.digest and self.events == self.anchor.events


class Watch:
    """Sees every event in chain order, and works out the ends of chains as they were at each anchor."""

    def __init__(self, anchors: Iterable[Signed]) -> None:
        self.compared = [Compared(a) for a in sorted(anchors, key=lambda a: a.last_event)]
        self._chain: int | None = None
        self._last: tuple[int, str] | None = None
        self._passed = 0
        self.highest = 0

    def __call__(self, chain: int | None, event_id: int, seq: int, hash_: str) -> None:
        if chain != self._chain or self._last is None:
            self._end()
            self._chain = chain
        while self._passed < len(self.compared) and self.compared[self._passed].anchor.last_event < event_id:
            self._note()
        self._last = (seq, hash_)
        self.highest = max(self.highest, event_id)

    def close(self) -> list[Compared]:
        self._end()
        return self.compared

    def _end(self) -> None:
        while self._passed < len(self.compared):
            self._note()
        self._passed, self._last = 0, None

    def _note(self) -> None:
        """The chain's end at this anchor is the event before."""
        if self._last is not None:
            one = self.compared[self._passed]
            one.ends.add(self._chain, *self._last)
            one.events += self._last[0]
        self._passed += 1


def verify() -> Checked:
    """Check every chain, and every chosen anchor of table and file against them."""
    try:
        verdict, compared = _compare()
    except BadAnchor as bad:
        return Checked(ledger.verify(), problem=str(bad))
    newest = compared[-1].anchor.words if compared else ""
    checked = Checked(verdict, len(compared), newest, verdict.first_broken)
    wrong = [one for one in compared if not one.agrees]
    if checked.problem is None and wrong:
        checked.problem = _said(compared, wrong)
    return checked


def _compare() -> tuple[Verdict, list[Compared]]:
    watch = Watch(_chosen(_known()))
    verdict = ledger.verify(watch=watch)
    return verdict, watch.close()


def _chosen(anchors: Sequence[Signed]) -> list[Signed]:
    """The newest, and some spread evenly over all before them: an old change is dated by the first that disagrees."""
    before = anchors[:-RECENT]
    step = max(1, len(before) // SPREAD)
    return [*before[::step], *anchors[-RECENT:]]


def _said(compared: Sequence[Compared], wrong: Sequence[Compared]) -> str:
    """What does not agree, with the anchor's name: behind it, cut, or changed after it."""
    newest, first = wrong[-1].anchor, wrong[0]
    highest = _highest()
    if newest.last_event > highest and not newest.in_table:
        return _(
            "The database is behind the anchor of %(at)s: that one knows event %(theirs)s, the last here is %(ours)s. "
            "It was restored from an older copy, or its end was cut off."
        ) % {"at": newest.words, "theirs": newest.last_event, "ours": highest}
    good = [one.anchor for one in compared if one.agrees and one.anchor.last_event <= first.anchor.last_event]
    since = good[-1] if good else None
    missing = first.anchor.events - first.events
    if missing > 0:
        words = _("%(n)s events that the anchor of %(at)s knows are missing") % {"n": missing, "at": first.anchor.words}
    else:
        words = _("Events were changed after the anchor of %(at)s was taken") % {"at": first.anchor.words}
    where = _where(first, since)
    return f"{words}{where}."


def _where(one: Compared, since: Signed | None) -> str:
    """The chains to look at: those of the buckets that differ, from their first event after the last good anchor."""
    text = _(", though all agreed at the anchor of %(at)s") % {"at": since.words} if since else ""
    differ = [n for n, (a, b) in enumerate(zip(one.ends.buckets, one.anchor.buckets, strict=False)) if a != b]
    if not differ:
        return text
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT case_id, min(seq) FROM cases_event "
            "WHERE id > %s AND id <= %s AND coalesce(case_id, 0) %% %s = ANY(%s) GROUP BY case_id ORDER BY 1 LIMIT 4",
            [since.last_event if since else 0, one.anchor.last_event, BUCKETS, differ],
        )
        rows = cursor.fetchall()
    names = [_("event %(n)s of %(chain)s") % {"n": seq, "chain": ledger.chain_name(case)} for case, seq in rows[:3]]
    more = _(" and more") if len(rows) > 3 else ""
    return text + (_(". Look from %(names)s on") % {"names": ", ".join(names)} + more if names else "")


def _highest() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM cases_event")
        return int(cursor.fetchone()[0])
