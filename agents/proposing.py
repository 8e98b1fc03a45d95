"""Makes a proposal out of options: what is wanted, on which versions of the records, judged, and what follows.

`prepare` reads with no transaction open; `store` runs under the case lock and judges inside it.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from agents import permits, record_links, transitions
from agents.configuration import Configuration
from agents.facts import FactFinder, request_values
from agents.judge import Judge, Judged, Option, PlannedWrite, Prepared
from agents.models import Operation, Proposal, Run, Write
from agents.money import money_of
from agents.reading import Reader
from agents.subjects import subject_of
from cases import rows
from cases.actors import Actor
from cases.ledger import Entry
from cases.models import Case
from cases.plainly import plain, plain_digest
from cases.texts import here, to_store
from cases.values import UNKNOWN, dig

REJECT = "reject"
RISKS = ("low", "medium", "high")


@dataclass
class Plan:
    """A proposal that was looked at from all sides but not stored yet."""

    options: list[Option]
    prepared: Prepared
    versions: dict[str, Any]
    why: str = ""
    step: str = ""
    place: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Stored:
    """What became of it: the rows, and whether its writes may start at once."""

    proposal: Proposal
    writes: list[Write]
    judged: dict[str, Judged]
    entries: list[Entry]
    starts: bool


def plan_write(
    operation: Operation, arguments: Mapping[str, Any], config: Configuration, *, name: str = "", facts: Any = None
) -> PlannedWrite:
    """One write with the money it moves."""
    spec = operation.money
    fact = facts.find(str(spec["fact"])).value if isinstance(spec, Mapping) and facts is not None else UNKNOWN
    amount, currency = money_of(operation, arguments, company=config.company.currency, fact=fact)
    return PlannedWrite(
        name=name or operation.name,
        operation=operation,
        arguments=plain(arguments),
        money=amount if isinstance(amount, Decimal) else None,
        currency=currency,
        id=uuid.uuid4(),
    )


def named(writes: Sequence[PlannedWrite]) -> list[PlannedWrite]:
    """Names are unique in an option: repeats get `#2`, `#3`."""
    seen: dict[str, int] = {}
    result = []
    for write in writes:
        seen[write.name] = seen.get(write.name, 0) + 1
        n = seen[write.name]
        result.append(write if n == 1 else replace(write, name=f"{write.name}#{n}"))
    return result


def with_reject(options: Sequence[Option]) -> list[Option]:
    """`reject` is always there, first, whoever forgot it."""
    own = next((o for o in options if o.name == REJECT), None)
    reject = own or Option(REJECT, {"en": "Reject", "zh-hant": "拒絕"})
    return [reject, *[o for o in options if o.name != REJECT]]


def target_versions(options: Sequence[Option], config: Configuration, read: Reader) -> dict[str, Any]:
    """Version of each record that a write changes, by write id: bound to the decision. Reads; no transaction."""
    versions: dict[str, Any] = {}
    for option in options:
        for write in option.writes:
            versions[str(write.id)] = target_version(write.operation, write.arguments, config, read)
    return versions


def target_version(operation: Operation, arguments: Mapping[str, Any], config: Configuration, read: Reader) -> Any:
    """The version of the record as the operation says where it stands; None where it has none."""
    spec = operation.version_of
    if not spec:
        return None
    reading = config.operations.get(str(spec["read"]))
    if reading is None:
        return None
    names = reading.arguments.get("properties", {})
    given = {name: arguments[name] for name in names if name in arguments}
    worked, answer, _why = read(reading, given, "version")
    if not worked:
        return None
    value = dig(answer, str(spec["path"])) if spec.get("path") else plain_digest(answer)
    return None if value is UNKNOWN else plain(value)


def store(
    plan: Plan,
    case: Case,
    *,
    config: Configuration,
    judge: Judge,
    actor: Actor,
    run: Run | None,
    agent_id: int | None,
    now: datetime,
) -> Stored:
    """Store and judge a plan under the case lock: forbidden, permitted at once, or waiting for people."""
    proposal, writes = _rows(plan, case, config=config, actor=actor, run=run, agent_id=agent_id, now=now)
    judged = judge.judge(
        config, case, plan.prepared, plan.options, proposer_user_id=actor.user_id, now=now, leave_out=()
    )
    _apply(proposal, plan, judged, config)
    proposal.fingerprint = transitions.current_fingerprint(proposal, writes)
    proposal.loaded = writes
    rows.insert(proposal, *writes)
    entries = [_entry(actor, proposal, plan, judged)]
    chosen = next((o for o in plan.options if o.suggested and judged[o.name].kind != "forbid"), None)
    allowed = [o for o in plan.options if judged[o.name].kind != "forbid" and (o.writes or o.name == REJECT)]
    if chosen and chosen.writes and judged[chosen.name].kind in ("standing", "nothing"):
        verdict = judged[chosen.name]
        entries += permits.permit_option(
            proposal,
            writes,
            option=chosen.name,
            actor=actor,
            source=verdict.why,
            config=config,
            now=now,
            standing=verdict.standing,
        )
        return Stored(proposal, writes, judged, entries, starts=True)
    if not [o for o in allowed if o.name != REJECT] and not _asks_people(plan, actor):
        transitions.set_proposal(proposal, Proposal.State.FORBIDDEN, now=now)
        _withdraw_all(writes, now)
        return Stored(proposal, writes, judged, entries, starts=False)
    # Whoever decides may reject: that has nothing of its own to judge, unless it writes something.
    asking = [o for o in allowed if o.writes and judged[o.name].kind == "ask"]
    strictest = max(asking or allowed, key=lambda o: (judged[o.name].strictness, o.suggested))
    entries += judge.ask(config, case, proposal, writes, judged[strictest.name], why="", now=now)
    return Stored(proposal, writes, judged, entries, starts=False)


def _asks_people(plan: Plan, actor: Actor) -> bool:
    """A recipe's forbidden proposal still lets a person reject; a single forbidden call is simply refused."""
    return bool(plan.place) and any(o.name == REJECT for o in plan.options)


def _withdraw_all(writes: Sequence[Write], now: datetime) -> None:
    for write in writes:
        transitions.move_write(write, Write.State.WITHDRAWN, ended_at=now)


def _rows(
    plan: Plan,
    case: Case,
    *,
    config: Configuration,
    actor: Actor,
    run: Run | None,
    agent_id: int | None,
    now: datetime,
) -> tuple[Proposal, list[Write]]:
    proposal = rows.fresh(
        Proposal,
        case=case,
        run=run,
        step=plan.step,
        place=plan.place,
        turn=case.turn,
        proposer_kind=actor.kind,
        proposer=actor.label[:250],
        proposer_user_id=actor.user_id,
        proposer_agent_id=agent_id,
        why=plan.why,
        created_at=now,
        evidence=plan.evidence,
    )
    writes = [
        rows.fresh(
            Write,
            id=planned.id,
            case=case,
            proposal=proposal,
            run=run,
            step=plan.step,
            place=plan.place,
            option=option.name,
            position=position,
            name=planned.name,
            operation=planned.operation,
            controlled=planned.operation.is_controlled,
            turn=case.turn,
            agent_id=agent_id,
            customer=case.customer,
            subject=subject_of(planned.operation, planned.arguments, case),
            money=planned.money,
            currency=planned.currency,
            proposed=planned.arguments,
            target_version=plan.versions.get(str(planned.id)),
        )
        for option in plan.options
        for position, planned in enumerate(option.writes)
    ]
    return proposal, writes


def _apply(proposal: Proposal, plan: Plan, judged: Mapping[str, Judged], config: Configuration) -> None:
    """Put the verdicts on the proposal: what may be chosen, the rules with the values they compared, the risk."""
    proposal.options = [
        {
            "name": option.name,
            "title": option.title,
            "suggested": option.suggested and judged[option.name].kind != "forbid",
            "allowed": judged[option.name].kind != "forbid",
            "why": to_store(judged[option.name].why) if judged[option.name].kind == "forbid" else "",
            "writes": [{"id": str(w.id), "name": w.name, "operation": w.operation.name} for w in option.writes],
            "draft": option.draft,
        }
        for option in plan.options
    ]
    proposal.suggested = next((o["name"] for o in proposal.options if o["suggested"]), "")
    proposal.rules = [{**rule, "option": name} for name, verdict in judged.items() for rule in verdict.rules]
    proposal.facts = {name: plain(f.value) if f.known else None for name, f in plan.prepared.facts.items()}
    proposal.verdict = {name: verdict.data for name, verdict in judged.items()}
    proposal.versions = {
        "map": config.epoch,
        "rules": {rule["name"]: rule["version"] for verdict in judged.values() for rule in verdict.rules},
        "templates": _template_versions(config, proposal.case),
    }
    proposal.risk = max((risk_of(w) for o in plan.options for w in o.writes), key=RISKS.index, default="medium")


def risk_of(write: PlannedWrite) -> str:
    """The operation's risk; high when the money is above its limit."""
    high_above = write.operation.high_above
    if high_above is not None and write.money is not None and write.money > high_above:
        return "high"
    return str(write.operation.risk)


def _template_versions(config: Configuration, case: Case) -> dict[str, int]:
    type_ = config.type_of(case)
    return {name: t.version for name, t in type_.templates.items()} if type_ else {}


def _entry(actor: Actor, proposal: Proposal, plan: Plan, judged: Mapping[str, Judged]) -> Entry:
    return Entry(
        "proposal.made",
        actor,
        {
            "proposal": str(proposal.pk),
            "step": plan.step,
            "why": plan.why,
            "suggested": proposal.suggested,
            "fingerprint": proposal.fingerprint,
            "facts": proposal.facts,
            "options": [
                {
                    "name": o.name,
                    "title": o.title,
                    "kind": judged[o.name].kind,
                    "why": judged[o.name].why,
                    "writes": [
                        {
                            "operation": w.operation.name,
                            "arguments": {k: "•••" if k in w.operation.secret else v for k, v in w.arguments.items()},
                        }
                        for w in o.writes
                    ],
                }
                for o in plan.options
            ],
            "rules": [
                {
                    "name": r["name"],
                    "version": r["version"],
                    "sentence": r["sentence"],
                    "compared": r["compared"],
                    "result": r["result"],
                    "won": r.get("won", False),
                    "option": r["option"],
                }
                for r in proposal.rules
                if r["result"] != "not matched"
            ],
            "lacked": sorted({name for v in judged.values() for name in v.lacked}),
        },
    )


def evidence(finder: FactFinder, config: Configuration) -> list[dict[str, Any]]:
    """What was looked at, for the approval page: each fact with source and read time, missing ones too."""
    lines = []
    names = [name for name in finder.type.facts if not finder.needs_argument(name)]
    looked_up = {name: finder.find(name) for name in names}
    plainly = {name: plain(found.value) for name, found in looked_up.items() if found.known}
    values = {**plainly, "request": request_values(finder.case)}
    for name, found in looked_up.items():
        fact = finder.type.facts[name]
        operation = config.operations.get(found.source)
        lines.append(
            {
                "fact": name,
                "title": fact.row.title,
                "kind": fact.row.kind,
                "where": operation.system.title if operation else found.source,
                "operation": operation.name if operation else "",
                "link": record_links.of_operation(operation, values, values.get(name)) if operation else "",
                "found": plainly.get(name),
                "known": found.known,
                "why": to_store(found.why),
                "at": found.at.isoformat() if found.at else None,
            }
        )
    return lines


def why_forbidden(proposal: Proposal) -> str:
    """What the rules say that forbid its options, in the language of the page or the call."""
    return " ".join(here(option["why"]) for option in proposal.options if option.get("why"))
