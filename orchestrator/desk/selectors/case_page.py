"""What the page of one case and its by-hand part show, with their prefetching."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q, QuerySet, Subquery

from agents import record_links
from agents.models import FallbackCard, Operation, Run, StepWork, System, Write
from approvals.models import Approval
from cases import story, wording
from cases.models import Case, Company, Event, Fact, Message, RequestType, Step, Template

EVENTS = 50
TO_REPAIR = ("unknown", "failed", "differs")


def case_of(user: Any, case_id: int) -> Case | None:
    """The case if `user` may see it. `may_work` says whether they may also work it."""
    work = Case.objects.visible_to(user, "work").filter(pk=case_id).values("pk")
    return (
        Case.objects.visible_to(user)
        .select_related("type__team", "type__lead", "holder_user", "holder_team", "merged_into")
        .annotate(may_work=Q(pk__in=work))
        .filter(pk=case_id)
        .first()
    )


@dataclass
class Story:
    """One page of a case's events, the newest page first but told from the oldest on."""

    events: list[Event]
    earlier: int | None  # the seq to ask for what is before, or None


def story_of(case: Case, *, kind: str = "", before: int | None = None) -> Story:
    """Up to 50 events before `before`, in their order; of one kind when `kind` names one. One query."""
    rows = Event.objects.filter(case=case).select_related("detail")
    if before:
        rows = rows.filter(seq__lt=before)
    rows = _of_kind(rows, kind)
    found = list(rows.order_by("-seq")[: EVENTS + 1])
    earlier = found[EVENTS - 1].seq if len(found) > EVENTS else None
    return Story(found[:EVENTS][::-1], earlier)


def _of_kind(rows: QuerySet[Event], kind: str) -> QuerySet[Event]:
    if kind not in story.KINDS:
        return rows
    codes, areas = story.codes_of(kind)
    wanted = Q(code__in=codes)
    for area in areas:
        wanted |= Q(code__startswith=area)
    return rows.filter(wanted).exclude(code__in=story.other_codes(kind))


@dataclass
class CasePage:
    messages: list[Message]
    approvals: list[Approval]
    writes: list[Write]
    facts: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    types: list[RequestType]

    @property
    def links(self) -> list[tuple[str, str]]:
        """(system, address) of the records that can be opened, each once."""
        return list({fact["link"]: (fact["source"], fact["link"]) for fact in self.facts if fact["link"]}.values())

    @property
    def repairs(self) -> list[Write]:
        return [write for write in self.writes if write.state in TO_REPAIR and not write.repaired]


def case_page(user: Any, case: Case) -> CasePage:
    """Everything beside the timeline. Seven queries, whatever the size of the case."""
    return CasePage(
        messages=list(case.messages.order_by("-id")[:100])[::-1],
        approvals=list(case.approvals.select_related("proposal").order_by("-created_at")[:20]),
        writes=writes_of(case),
        facts=facts_of(case),
        steps=steps_of(case),
        types=list(RequestType.objects.filter(retired=False).exclude(pk=case.type_id or 0).order_by("name")),
    )


def writes_of(case: Case) -> list[Write]:
    """Writes that were started or wait to be, the newest first."""
    rows = case.writes.select_related("operation__system").exclude(state__in=("waiting", "withdrawn"))
    return list(rows.order_by(F("reserved_at").desc(nulls_first=True), "pk")[:50])


def facts_of(case: Case) -> list[dict[str, Any]]:
    """The facts of the case in the order of its type, with title, kind, currency and value in words beside each."""
    company = Company.objects.values("currency")[:1]
    rows = Fact.objects.filter(type=case.type_id).order_by("position") if case.type_id else Fact.objects.none()
    rows = rows.annotate(currency=Subquery(company))
    known = {row.name: row for row in rows}
    names = [
        *[n for n in known if n in case.facts],
        *[n for n in case.facts if n not in known and not n.startswith("_")],
    ]
    sources = {str(f.get("source", "")) for f in case.facts.values() if isinstance(f, dict)}
    values = record_links.known(case)
    rows_by_name = Operation.objects.filter(name__in=sources).select_related("system")
    operations = {row.name: row for row in rows_by_name}
    return [
        {
            "name": name,
            "title": (known[name].title if name in known else "") or name.replace("_", " "),
            "kind": known[name].kind if name in known else "",
            "currency": known[name].currency if name in known else "",
            "shown": _shown(case.facts[name], known.get(name)),
            **case.facts[name],
            "source": source_words(str(case.facts[name].get("source", "")), operations),
            "link": _link(case.facts[name], operations, values),
        }
        for name in names
        if isinstance(case.facts[name], dict)
    ]


def _shown(fact: Mapping[str, Any], row: Any) -> str:
    return wording.value(fact.get("value"), (row and row.currency) or "HKD", row.kind if row else "")


def _link(fact: Mapping[str, Any], operations: Mapping[str, Operation], values: Mapping[str, Any]) -> str:
    """Where the record that a fact was read from can be opened."""
    operation = operations.get(str(fact.get("source", "")))
    return record_links.of_operation(operation, values, fact.get("value")) if operation and fact.get("known") else ""


def source_words(source: str, operations: Mapping[str, Operation]) -> str:
    """Where a fact came from, for a person: the system's name, or the kind of source."""
    return operations[source].system.shown if source in operations else wording.source(source)


def steps_of(case: Case) -> list[dict[str, Any]]:
    """The steps of the type with what became of them in this case, and who does each."""
    rows = Step.objects.filter(type=case.type_id, retired=False).select_related("work__agent", "team")
    steps = []
    for row in rows.order_by("position") if case.type_id else []:
        work: StepWork | None = getattr(row, "work", None)
        stored = case.steps.get(row.name) or {}
        steps.append(
            {
                "name": row.name,
                "does": row.does or row.name.replace("_", " "),
                "agent": work.agent if work else None,
                "team": row.team,
                **stored,
                "state": stored.get("state", "waiting"),
            }
        )
    return steps


@dataclass
class ByHand:
    card: FallbackCard | None
    templates: list[Template]
    operations: list[Operation]
    writes: list[Write]
    facts: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    late: list[Run]
    people: list[str]
    opens: dict[int, str] = field(default_factory=dict)  # step of the card: where its system can be opened

    @property
    def repairs(self) -> list[Write]:
        return [write for write in self.writes if write.state in TO_REPAIR and not write.repaired]


def by_hand(case: Case) -> ByHand:
    """The fallback card of the case's type, made live."""
    card = None
    if case.type_id:
        cards = FallbackCard.objects.select_related("template", "approver__group").prefetch_related(
            "steps__system", "record_in"
        )
        card = cards.filter(type=case.type_id, retired=False).first()
    values = record_links.known(case)
    opens = {
        step.pk: record_links.of_system(step.system, values)
        for step in (card.steps.all() if card else [])
        if step.system
    }
    people = []
    if card and card.approver:
        members = card.approver.group.user_set.filter(is_active=True).select_related("person").order_by("first_name")
        people = [_with_phone(user) for user in members[:10]]
    return ByHand(
        card=card,
        templates=list(Template.objects.filter(type=case.type_id, retired=False).order_by("name"))
        if case.type_id
        else [],
        operations=operations_for(case, card),
        writes=writes_of(case),
        facts=facts_of(case),
        steps=steps_of(case),
        late=list(case.runs.filter(state=Run.State.LATE).select_related("agent").order_by("-id")[:10]),
        people=people,
        opens=opens,
    )


def _with_phone(user: Any) -> str:
    name = user.get_full_name() or user.username
    phone = user.person.phone if hasattr(user, "person") else ""
    return f"{name} ({phone})" if phone else name


def operations_for(case: Case, card: FallbackCard | None) -> list[Operation]:
    """What a person is offered for this case: what its steps use, and what the systems of its card can do."""
    names: set[str] = set()
    for work in StepWork.objects.filter(step__type=case.type_id, retired=False):
        names |= set(work.operations or []) | _named(work.procedure)
    systems: set[int] = set()
    if card:
        systems = {step.system_id for step in card.steps.all() if step.system_id}
        systems |= {system.pk for system in card.record_in.all()}
    wanted = Q(name__in=names) | Q(system__in=System.objects.filter(pk__in=systems, retired=False))
    rows = Operation.objects.filter(wanted, retired=False).select_related("system")
    return list(rows.order_by("system__name", "kind", "name"))


def _named(procedure: Any) -> set[str]:
    """Every operation that a recipe names."""
    if isinstance(procedure, list):
        return set().union(*(_named(part) for part in procedure)) if procedure else set()
    if isinstance(procedure, dict):
        own = {procedure[key] for key in ("read", "write", "operation") if isinstance(procedure.get(key), str)}
        return own.union(*(_named(part) for part in procedure.values() if isinstance(part, list | dict)))
    return set()
