"""Cases: the list, one case, its timeline, and what people do with it. Each does what its button does."""

from approvals import hiding
from cases.clock import database_now
from cases.models import Case, Company, RequestType, Team
from orchestrator.api import selectors, shapes
from orchestrator.api.calls import Answer, Call
from orchestrator.api.endpoint import endpoint
from orchestrator.api.naming import must_exist
from orchestrator.api.paging import page, past_cursor, whole
from orchestrator.api.present import cases as present
from orchestrator.api.sight import cases_of, find_case, find_own_case
from orchestrator.api.waiting import until
from orchestrator.desk import services as desk

READ = ("read", "staff")
AI_IS_BUSY = (Case.Status.RECEIVED, Case.Status.WORKING, Case.Status.WAITING_WRITE)


@endpoint("GET", *READ, tag="cases", answers={200: "Cases"}, query=shapes.CASES)
def list_cases(call: Call) -> Answer:
    """The cases this token may see, the newest first."""
    for option, model in (("type", RequestType), ("team", Team)):
        must_exist(option, [call.query[option]] if call.query.get(option) else [], model)
    keys = [whole("id")]
    past, back = past_cursor(call, keys)
    cases = cases_of(call.token).filter(past)
    rows = selectors.matching(cases, call.query, user=call.user, now=database_now(), back=back)
    return page(call, rows, keys, lambda found: [present.line(case, call) for case in found])


@endpoint("GET", *READ, "agent", "intake", tag="cases", answers={200: "Closed"}, path=("number",), query=shapes.WAIT)
def show_case(call: Call, number: int) -> Answer:
    """One case with its facts, steps, proposals, approvals and messages. With `wait`, answered when the AI
    has nothing to do or the seconds are over. An agent sees the facts it has a grant for, of the others
    whether they are known. An intake token is told where a request that it handed in stands, in plain words.
    """
    case = find_own_case(call, number) if call.token.may("intake") else find_case(call, number)
    until(lambda: not _ai_is_busy(case.pk), call.query["wait"])
    if _is_seen(call, number):
        return _shown(call, number)
    return Answer(present.received(find_own_case(call, number), call))


@endpoint("GET", *READ, tag="cases", answers={200: "Timeline"}, path=("number",), query=shapes.TIMELINE)
def show_timeline(call: Call, number: int) -> Answer:
    """The case's ledger in order, with hashes."""
    case = find_case(call, number)
    rows, masks = selectors.timeline_of(case), hiding.masks_of(case.pk)
    return page(call, rows, [whole("seq")], lambda found: [present.event(row, masks) for row in found], newest=False)


@endpoint("POST", "staff", tag="cases", answers={200: "Closed"}, path=("number",), body=shapes.SORT)
def sort_case(call: Call, number: int) -> Answer:
    """Say what type a request is: the answer in triage, or a correction. The text becomes an example. Where its
    team is another one now, only where the case stands is answered.
    """
    desk.sort(actor=call.actor, case_id=find_case(call, number).pk, type_name=call.body["type"])
    return _done(call, number)


@endpoint("POST", "staff", tag="cases", answers={200: "Case"}, path=("number",))
def take_case_over(call: Call, number: int) -> Answer:
    """Take a case over from the AI: in one step, with its open approvals."""
    desk.take_over(actor=call.actor, case_id=find_case(call, number).pk)
    return _shown(call, number)


@endpoint("POST", "staff", tag="cases", answers={200: "Closed"}, path=("number",), body=shapes.HAND_BACK)
def hand_case_back(call: Call, number: int) -> Answer:
    """Hand a case back to the AI, which then may continue, only draft, or only watch. `promised` says what
    the requester was promised meanwhile.
    """
    desk.hand_back(
        actor=call.actor,
        case_id=find_case(call, number).pk,
        may=call.body.get("may", "continue"),
        promised=call.body.get("promised", ""),
    )
    return _done(call, number)


@endpoint("POST", "staff", "intake", tag="cases", answers={200: "Closed"}, path=("number",), body=shapes.CLOSE)
def close_case(call: Call, number: int) -> Answer:
    """Close a case with an outcome. Of an intake token: the requester withdraws a request that it handed
    in.
    """
    if call.actor.is_person:
        desk.close(actor=call.actor, case_id=find_case(call, number).pk, outcome=call.body["outcome"])
        return _done(call, number)
    case = find_own_case(call, number)
    case = desk.withdraw(actor=call.actor, case_id=case.pk, reason=call.body["outcome"])
    return Answer(present.received(case, call))


@endpoint("POST", "staff", tag="cases", answers={200: "Closed"}, path=("number",))
def reopen_case(call: Call, number: int) -> Answer:
    """Open a closed case again."""
    desk.reopen(actor=call.actor, case_id=find_case(call, number).pk)
    return _done(call, number)


def _shown(call: Call, number: int) -> Answer:
    currency = Company.objects.values_list("currency", flat=True).first() or "HKD"
    return Answer(present.whole(find_case(call, number), call, currency=currency))


def _done(call: Call, number: int) -> Answer:
    """The case after what was done; only where it stands, if that took it out of the sight of who did it."""
    if _is_seen(call, number):
        return _shown(call, number)
    return Answer(present.received(Case.objects.get(pk=number), call))


def _is_seen(call: Call, number: int) -> bool:
    return cases_of(call.token).filter(pk=number).exists()


def _ai_is_busy(case_id: int) -> bool:
    return Case.objects.filter(pk=case_id, status__in=AI_IS_BUSY).exists()
