"""The map, the numbers, and the answer to "why?". Reading these is counted, because each gives much at
once.
"""

from datetime import date

from django.utils.translation import gettext as _

from approvals import hiding
from cases import ledger
from cases.clock import database_now
from cases.errors import Incorrect
from cases.ledger import Verdict
from cases.models import RequestType
from orchestrator.api import selectors, shapes
from orchestrator.api.calls import Answer, Call
from orchestrator.api.endpoint import endpoint
from orchestrator.api.naming import must_exist
from orchestrator.api.present import audit as present
from orchestrator.api.sight import cases_of, find_case, whole_types_of
from orchestrator.reports import selectors as reports

READ = ("read", "staff")


@endpoint("GET", *READ, tag="company", answers={200: "Audit"}, path=("number",), limit="exports")
def audit_case(call: Call, number: int) -> Answer:
    """The complete answer to "why?" for one case: where it came from, what data was used, which agent did
    what, which rules compared which values, who approved, what was written where, and what failed and was
    repaired.
    """
    case = find_case(call, number)
    events = selectors.events_of(case)
    verdict = ledger.verify(case_id=case.pk)
    masks = hiding.masks_of(case.pk)
    told = masks.hide(
        {
            "case": case.number,
            "status": case.status,
            "source": present.source(case, events),
            "data": present.data_used(case, events),
            "agents": present.agents(selectors.all_runs_of(case)),
            "rules": present.judged(selectors.proposals_of(case)),
            "approvals": present.approvals(selectors.decided_of(case)),
            "writes": present.writes(selectors.writes_of(case)),
            "problems": present.problems(events),
            "chain": present.verified(verdict, at=database_now(), words=verdict.first_broken),
        }
    )
    return Answer(told)


@endpoint("GET", *READ, tag="company", answers={200: "Verified"}, limit="exports")
def verify_ledger(call: Call) -> Answer:
    """Check every chain of the ledger. The first broken event is named if this token may see its case."""
    verdict = ledger.verify()
    return Answer(present.verified(verdict, at=database_now(), words=_named(call, verdict)))


@endpoint("GET", *READ, tag="company", answers={200: "Summary"}, query=shapes.SUMMARY, limit="exports")
def summary(call: Call) -> Answer:
    """Plain counts over the cases this token may see that were received from `from` to `to` (both days
    included; the last 30 days if they are left out).
    """
    since, until = _day(call, "from"), _day(call, "to")
    if since and until and since > until:
        raise Incorrect(_("`from` is after `to`. Nothing was changed."), fields={"from": [], "to": []})
    must_exist("type", [call.query["type"]] if call.query.get("type") else [], RequestType)
    found = reports.summary(
        cases_of(call.token),
        types=whole_types_of(call.token),
        since=since,
        until=until,
        type_name=call.query.get("type", ""),
        now=database_now(),
    )
    return Answer(found.as_json())


def _named(call: Call, verdict: Verdict) -> str | None:
    if verdict.first_broken is None:
        return None
    numbers = {word.strip("():,") for word in verdict.first_broken.split() if word.startswith("C-")}
    ids = [int(number.removeprefix("C-")) for number in numbers if number.removeprefix("C-").isdigit()]
    if ids and not cases_of(call.token).filter(pk__in=ids).exists():
        return _("An event of a case that you may not see is broken.")
    return verdict.first_broken


def _day(call: Call, name: str) -> date | None:
    text = call.query.get(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Incorrect(_("`%(name)s` is no date. Nothing was changed.") % {"name": name}, fields={name: []}) from None
