"""The permission matrix: every address of our own, and who gets what there. Written down from product.md.

`open`: everybody, also without signing in. `signed in`: any account. `see`, `work`, `lead`, `named`: those who may see
the case, work on it, lead a team, or are the named person. For programs: the scopes that a call takes.
An address that is not in here fails `test_matrix.py`.
"""

from dataclasses import dataclass

PEOPLE = ("nobody", "outsider", "frontline", "manager", "head", "auditor", "admin")
PROGRAMS = ("none", "intake", "agent", "idle", "staff", "decide", "read", "stranger")
SIGNED_IN = frozenset(PEOPLE) - {"nobody"}
# Of the case that the tests ask about: the type's team and lead team work on it, an auditor may see it; a superuser
# gets no short cut, and the heads were not asked.
WORK = frozenset({"frontline", "manager"})
SEE = WORK | {"auditor"}
LEADS = frozenset({"manager", "head", "admin"})


@dataclass(frozen=True)
class Row:
    """Who passes with GET and with POST. Nobody in a set: the method is refused (405) for all who are signed in."""

    get: frozenset[str] = frozenset()
    post: frozenset[str] = frozenset()


def page(who: frozenset[str] = SIGNED_IN) -> Row:
    return Row(get=who)


def button(who: frozenset[str]) -> Row:
    return Row(post=who)


PAGES: dict[str, Row] = {
    "readyz": Row(get=frozenset(PEOPLE)),
    "metrics": Row(),  # only with its token
    "desk:my-work": page(),
    "desk:cases": page(),
    "desk:case": page(SEE),
    "desk:story": page(SEE),
    "desk:sort": button(WORK),
    "desk:message": button(WORK),
    "desk:take-over": button(WORK),
    "desk:hand-back": button(WORK),
    "desk:close": button(WORK),
    "desk:reopen": button(WORK),
    "desk:withdraw": button(WORK),
    "desk:by-hand": page(SEE),
    "desk:call": button(SEE),  # the form says what it lacks; the call itself needs the work (test_gate.py)
    "desk:repair": button(WORK),
    "desk:look-again": button(WORK),
    "desk:new-request": Row(get=SIGNED_IN, post=SIGNED_IN),
    "desk:ai": page(),
    "desk:pause": button(LEADS),
    "desk:resume": button(LEADS),  # nothing is paused: told to who may pause; else the admin or whoever paused it
    "desk:search": page(),
    "desk:account": Row(get=SIGNED_IN, post=SIGNED_IN),
    "desk:language": button(SIGNED_IN),
    "approvals:inbox": page(),
    "approvals:news": page(),
    "approvals:approval": page(SEE),
    "approvals:decide": Row(get=SEE, post=frozenset({"manager"})),  # GET leads back to the page
    "approvals:undo": button(frozenset()),  # whoever decided it; here nobody did
    "approvals:standing": page(),
    "approvals:confirm-standing": button(frozenset({"manager"})),  # the named person
    "approvals:withdraw-standing": button(LEADS),
    "cases:triage": page(),
}

STAFF = frozenset({"staff", "decide", "stranger"})
READERS = STAFF | {"read"}
CALLS: dict[str, Row] = {
    "api:requests": button(frozenset({"intake"}) | STAFF),
    "api:cases": page(READERS),
    "api:case": page(READERS - {"stranger"} | {"agent"}),
    "api:timeline": page(READERS - {"stranger"}),
    "api:sort": button(STAFF - {"stranger"}),
    "api:messages": button(STAFF - {"stranger"}),
    "api:take-over": button(STAFF - {"stranger"}),
    "api:hand-back": button(STAFF - {"stranger"}),
    "api:close": button(STAFF - {"stranger"}),
    "api:reopen": button(STAFF - {"stranger"}),
    "api:runs": page(frozenset({"agent", "idle"})),
    "api:finish": button(frozenset({"agent"}) | STAFF - {"stranger"}),
    "api:hand-over": button(frozenset({"agent"})),
    "api:calls": button(frozenset({"agent"}) | STAFF - {"stranger"}),
    "api:proposal": page(READERS - {"stranger"} | {"agent"}),
    "api:approvals": page(READERS),
    "api:approval": page(READERS - {"stranger"}),
    "api:decision": button(frozenset({"decide"})),
    "api:undo": button(frozenset()),
    "api:standing-approvals": page(READERS),
    "api:confirm-standing": button(frozenset({"decide"})),
    "api:map": page(READERS),
    "api:map-check": page(READERS),
    "api:summary": page(READERS),
    "api:audit-case": page(READERS - {"stranger"}),
    "api:verify": page(READERS),
    "api:schema": page(frozenset(PROGRAMS)),
    "api:docs": page(frozenset(PROGRAMS)),
}
# What a post must say so that only the right to it is in question.
BODIES: dict[str, dict[str, object]] = {
    "sort": {"type": "late_delivery"},
    "message": {"text": "hello"},
    "hand-back": {"may": "continue"},
    "close": {"outcome": "done"},
    "call": {"operation": "crm.add_note"},
    "repair": {"outcome": "failed"},
    "pause": {"what": "all:", "reason": "test"},
    "resume": {"what": "all:", "reason": "test"},
    "withdraw-standing": {"reason": "test"},
}
API_BODIES: dict[str, dict[str, object]] = {
    "requests": {"source": "customer", "channel": "api", "from": {"contact": "x@example.com"}, "text": "hello"},
    "sort": {"type": "late_delivery"},
    "messages": {"from": {"contact": "x@example.com"}, "text": "hello", "private": False},
    "hand-back": {"may": "continue", "promised": ""},
    "close": {"outcome": "done"},
    "finish": {"turn": 1, "result": {}},
    "hand-over": {"summary": "x", "turn": 1},
    "calls": {"operation": "crm.add_note", "arguments": {"text": "x"}, "turn": 1, "why": "x"},
}
