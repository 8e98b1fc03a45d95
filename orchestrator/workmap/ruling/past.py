"""Past proposals as rules can judge them again: the facts and writes stored with each, and what people decided.

Three questions for any number of proposals (`read`); nothing is looked up in another system, nothing is counted anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from typing import Any, Literal

from django.db.models import Func, JSONField, QuerySet

from agents.configuration import Configuration, TypeConfig
from agents.models import Operation, Proposal, Write
from agents.proposing import REJECT
from approvals.models import Approval
from cases.models import Case

Answer = Literal["agreed", "changed", "refused", "nobody"]
CHUNK = 2_000
ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class PastWrite:
    """One write of an option."""

    operation: Operation
    arguments: Mapping[str, Any]
    money: Decimal | None
    currency: str


@dataclass(slots=True)
class Past:
    """One proposal that ended. `facts`: name -> value (None: it was not known then). `unsure`: facts that were stored
    once for several writes, and may have been another for this one. `options`: the writes of each as they were offered,
    of `reject` first, which has none as a rule. `writes`: those of the suggested option, else of the longest."""

    id: Any
    case_id: int
    type: TypeConfig
    at: datetime
    risk: str
    facts: Mapping[str, Any]
    options: tuple[tuple[PastWrite, ...], ...]
    suggested: int | None  # which of them; None also where it was forbidden then
    writes: tuple[PastWrite, ...]
    unsure: frozenset[str] = frozenset()
    channel: str = ""
    askers: frozenset[int | None] = frozenset()  # who made the call, and who opened the case
    asked_then: bool = False
    answer: Answer = "nobody"

    @property
    def money(self) -> Decimal:
        return sum((write.money for write in self.writes if write.money is not None), start=Decimal(0))


def last_finished(types: Sequence[int], most: int) -> QuerySet[Proposal]:
    """Proposals of the last finished cases of these types."""
    cases = Case.objects.filter(status=Case.Status.DONE, type__in=types).order_by("-id").values("pk")[:most]
    return Proposal.objects.filter(case__in=cases).exclude(state__in=Proposal.OPEN)


def in_period(types: Sequence[int], since: datetime, until: datetime) -> QuerySet[Proposal]:
    """Proposals of a period that have ended."""
    found = Proposal.objects.filter(case__type__in=types, created_at__gte=since, created_at__lt=until)
    return found.exclude(state__in=Proposal.OPEN)


def of_case(case_id: int) -> QuerySet[Proposal]:
    """What was proposed in one case, open or ended."""
    return Proposal.objects.filter(case=case_id)


def chunks(proposals: QuerySet[Proposal]) -> Iterator[QuerySet[Proposal]]:
    """The proposals by parts, the oldest first: caps are used up in the order of time. Sorted once, by the database."""
    ids = proposals.order_by("created_at", "id").values_list("pk", flat=True).iterator(chunk_size=CHUNK)
    while part := list(islice(ids, CHUNK)):
        yield Proposal.objects.filter(pk__in=part)


_COLUMNS = (
    *("id", "case_id", "case__type_id", "created_at", "risk", "state", "suggested", "decided", "facts", "case__facts"),
    *("names", "case__channel", "proposer_user_id", "case__opened_by_id"),
)
_NAMES = Func("options", template="jsonb_path_query_array(%(expressions)s, '$[*].name')", output_field=JSONField())


def read(proposals: QuerySet[Proposal], config: Configuration) -> list[Past]:
    """The proposals with their writes and answers, the oldest first; those without a write to judge are left out."""
    rows = sorted(proposals.order_by().annotate(names=_NAMES).values_list(*_COLUMNS), key=itemgetter(3, 0))
    ids = [row[0] for row in rows]
    writes = _writes(ids)
    answers = _answers(ids)
    found = []
    for id_, case_id, type_id, at, risk, state, suggested, decided, facts, of_case, names, channel, *askers in rows:
        type_ = config.types.get(type_id)
        written = {name: own for name, raw in writes.get(id_, {}).items() if (own := _read(raw, config))}
        if type_ is None or not written:
            continue
        offered = _offered(names, written)
        options = tuple([written.get(name, ()) for name in offered])
        n = offered.index(suggested) if suggested in offered else None
        asked, said = answers.get(id_, (False, []))
        found.append(
            Past(
                id=id_,
                case_id=case_id,
                type=type_,
                at=at,
                risk=risk,
                facts={**_known(of_case), **facts},
                options=options,
                suggested=n,
                writes=(() if n is None else options[n]) or max(options, key=len),
                unsure=_unsure(type_, written),
                channel=channel,
                askers=frozenset(askers),
                asked_then=asked,
                answer=_answer(state, suggested, decided, asked, said),
            )
        )
    return found


def _writes(ids: list[Any]) -> dict[Any, dict[str, list[tuple[int, Any, Decimal | None, str]]]]:
    found: dict[Any, dict[str, list[Any]]] = {}
    columns = ("proposal_id", "option", "operation_id", "proposed", "money", "currency")
    ordered = Write.objects.filter(proposal__in=ids).order_by("proposal", "option", "position")
    for proposal, option, *rest in ordered.values_list(*columns):
        found.setdefault(proposal, {}).setdefault(option, []).append(tuple(rest))
    return found


def _answers(ids: list[Any]) -> dict[Any, tuple[bool, list[tuple[str, Any]]]]:
    """Whether people were asked about a proposal, and what they said (option and edits)."""
    found: dict[Any, tuple[bool, list[tuple[str, Any]]]] = defaultdict(lambda: (True, []))
    columns = ("proposal_id", "decisions__option", "decisions__edits", "decisions__undone_at")
    for proposal, option, edits, undone in Approval.objects.filter(proposal__in=ids).values_list(*columns):
        said = found[proposal][1]
        if option is not None and undone is None:
            said.append((option, edits))
    return dict(found)


def _answer(state: str, suggested: str, decided: str, asked: bool, said: list[tuple[str, Any]]) -> Answer:
    if not asked or (not said and not decided):
        return "nobody"
    if state == Proposal.State.REJECTED or decided == "reject" or any(option == "reject" for option, _e in said):
        return "refused"
    if any(edits for _option, edits in said) or (suggested and decided and decided != suggested):
        return "changed"
    return "agreed"


def _known(of_case: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of the case as they were last known; of the others that they were not."""
    return {
        name: fact.get("value") if fact.get("known") else None
        for name, fact in of_case.items()
        if isinstance(fact, Mapping) and "known" in fact
    }


def _read(writes: Sequence[tuple[int, Any, Decimal | None, str]], config: Configuration) -> tuple[PastWrite, ...]:
    there = config.operations_by_id
    return tuple(
        [
            PastWrite(there[operation], arguments, money, currency)
            for operation, arguments, money, currency in writes
            if operation in there
        ]
    )


def _offered(names: Iterable[str], written: Mapping[str, object]) -> list[str]:
    """`reject` first, as it always stands; then what has writes, in the order in which it was offered."""
    return [REJECT, *[name for name in dict.fromkeys([*names, *written]) if name in written and name != REJECT]]


def _unsure(type_: TypeConfig, options: Mapping[str, Sequence[PastWrite]]) -> frozenset[str]:
    """Counts where an option does the same thing twice; facts by argument where the proposal does."""
    each = [[write.operation.pk for write in writes] for writes in options.values()]
    twice_in_one = any(len(set(names)) < len(names) for names in each)
    every = [name for names in each for name in names]
    if len(set(every)) == len(every):
        return frozenset()
    by_history, by_argument = _kinds_of(type_)
    return by_argument | (by_history if twice_in_one else frozenset())


_KINDS: dict[int, tuple[Any, frozenset[str], frozenset[str]]] = {}


def _kinds_of(type_: TypeConfig) -> tuple[frozenset[str], frozenset[str]]:
    """Facts that count what was done, and facts of the arguments of a write; kept as long as the type is the same."""
    kept = _KINDS.get(type_.row.pk)
    if kept is None or kept[0] is not type_:
        history, argument = set(), set()
        for name, fact in type_.facts.items():
            for source in fact.sources:
                if source.kind == "history":
                    history.add(name)
                if "argument" in str(source.settings):
                    argument.add(name)
        kept = (type_, frozenset(history), frozenset(argument))
        _KINDS[type_.row.pk] = kept
    return kept[1], kept[2]
