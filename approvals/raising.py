"""Raises an approval: who is asked, until when, what happens if nobody answers. All of it is frozen here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agents.configuration import Configuration
from agents.judge import Judged
from agents.models import Proposal, Write
from approvals import choosing_first
from approvals.acting import GIVE_SIGHT
from approvals.models import Approval, Asked
from cases import rows
from cases.actors import CONTROL
from cases.calendars import add, duration
from cases.ledger import Entry
from cases.models import Case, Team
from cases.texts import LANGUAGES, joined, say, to_store
from cases.wording import money as money_words


def ask(
    config: Configuration,
    case: Case,
    proposal: Proposal,
    writes: Sequence[Write],
    judged: Judged,
    *,
    why: str,
    now: datetime,
) -> list[Entry]:
    """Ask people to decide a proposal with these writes, under the case lock. Returns the events."""
    asks = judged.asks or _lead_asks(case)
    first = [one for one in asks if one.get("stage", 0) == 0]
    approval = rows.fresh(
        Approval,
        case=case,
        proposal=proposal,
        turn=case.turn,
        fingerprint=proposal.fingerprint,
        risk=proposal.risk,
        title=title_of(case, proposal, writes, config),
        reasons=[to_store(text) for text in (why, judged.why) if text],
        asks=asks,
        people=sum(int(one["people"]) for one in asks),
        exclusive=judged.data.get("exclusive", True) is not False,
        due_at=due_of(first, config, now),
        created_at=now,
    )
    teams = config.teams
    asked = [
        rows.fresh(
            Asked,
            approval=approval,
            team=teams[one["team"]],
            people=one["people"],
            stage=one.get("stage", 0),
            since=now,
            closed=one.get("stage", 0) > 0,
            above=is_above(teams[one["team"]], case, config),
        )
        for one in asks
    ]
    rows.insert(approval, *asked)
    proposal.approval_due_at = approval.due_at
    give_sight(case, {teams[one["team"]].pk for one in asks}, now=now)
    data = {
        "approval": str(approval.pk),
        "proposal": str(proposal.pk),
        "title": approval.title,
        "asked": [{"team": one["team"], "title": teams[one["team"]].title, "people": one["people"]} for one in asks],
        "rules": sorted({name for one in asks for name in one.get("rules", [])}),
        "versions": {one["name"]: one["version"] for one in proposal.rules if one.get("won")},
        "due_at": approval.due_at,
        "why": to_store(joined(text for text in (why, judged.why) if text)),
        "fingerprint": approval.fingerprint,
    }
    return [Entry("approval.asked", CONTROL, data)]


def is_above(team: Team, case: Case, config: Configuration) -> bool:
    """Whether who is asked is another team than the one that works the case's type, as both are now."""
    type_ = config.type_of(case)
    return type_ is not None and type_.row.team_id != team.pk


def _lead_asks(case: Case) -> list[dict[str, Any]]:
    """What no rule says who decides goes to the lead team of the type."""
    assert case.type is not None  # noqa: S101  # nothing is proposed before a case has a type
    return [{"team": case.type.lead.name, "people": 1, "stage": 0, "rules": []}]


def due_of(asks: list[dict[str, Any]], config: Configuration, now: datetime) -> datetime | None:
    """The earliest deadline of the asks; None if none has one (it waits without end, never approves)."""
    times = [deadline(one, config, now) for one in asks]
    return min((t for t in times if t is not None), default=None)


def deadline(one: Mapping[str, Any], config: Configuration, now: datetime) -> datetime | None:
    """`within` after now: working time in the ask's calendar, clock time without one."""
    if not one.get("within"):
        return None
    return add(now, duration(str(one["within"])), config.calendars.get(str(one.get("calendar") or "")))


def give_sight(case: Case, team_ids: set[int], *, now: datetime) -> None:
    """Being asked gives sight of that case; so does cover for somebody of the team."""
    teams = "{" + ",".join(str(pk) for pk in sorted(team_ids)) + "}"
    rows.add("{name} AS (" + GIVE_SIGHT + ")", [case.pk, teams, case.pk, now, teams, now])


def title_of(case: Case, proposal: Proposal, writes: Sequence[Write], config: Configuration) -> dict[str, str]:
    """What will happen, how much, to whom, in both languages: `Refund in full, HK$480.00 · Chan Tai Man`."""
    option = next((o for o in proposal.options if o["name"] == (proposal.suggested or "")), None)
    option = option or next((o for o in proposal.options if o["name"] != "reject" and o["writes"]), None)
    option = option or proposal.options[0]
    who = customer_name(case)
    if case.type and choosing_first.asked_of(case.type, proposal.risk):  # an option's words would tell the suggestion
        return {language: f"{say(case.type.title, language) or case.type.name} · {who}" for language in LANGUAGES}
    return title_of_option(option, who, writes, config)


def title_of_option(
    option: Mapping[str, Any], who: str, writes: Sequence[Write], config: Configuration
) -> dict[str, str]:
    """What this option does, how much, to whom, in both languages."""
    write = _leading(option, writes, config)
    titles: dict[str, str] = {}
    for language in LANGUAGES:
        what = say(option["title"], language) or (say(write[0].title, language) if write else option["name"])
        amount = money_words(write[1], config.company.currency) if write and write[1] is not None else ""
        parts = (what, amount) if amount.replace(",", "") not in what.replace(",", "") else (what,)
        titles[language] = " ".join(part for part in parts if part) + (f" · {who}" if who else "")
    return titles


def customer_name(case: Case) -> str:
    """The name in our own record of the customer, if it was found; else what the requester gave."""
    fact = case.facts.get(case.type.customer_fact if case.type else "", {})
    record = fact.get("value") if fact.get("known") else None
    name = record.get("name") if isinstance(record, Mapping) else None
    return str(name or case.requester_name or case.contact)


def _leading(option: Mapping[str, Any], writes: Sequence[Write], config: Configuration) -> tuple[Any, Any] | None:
    """(operation, money) of the write that matters most: the one that moves money, else the first."""
    by_id = {str(write.pk): write for write in writes}
    own = [by_id[ref["id"]] for ref in option["writes"] if ref["id"] in by_id]
    if not own:
        return None
    leading = next((w for w in own if w.money), own[0])
    return config.operations_by_id[leading.operation_id], leading.money
