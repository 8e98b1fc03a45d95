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
    "approvals:bulk": Row(get=SIGNED_IN, post=SIGNED_IN),  # nothing chosen: led back; each row is checked by itself
    "approvals:bulk-done": page(),
    "approvals:approval": page(SEE),
    "approvals:decide": Row(get=SEE, post=frozenset({"manager"})),  # GET leads back to the page
    "approvals:save-filter": Row(post=SIGNED_IN),
    "approvals:remove-filter": button(frozenset()),  # one's own; here nobody has any
    "approvals:open-masked": button(frozenset({"manager"})),
    "approvals:look-again": button(frozenset({"manager"})),
    "approvals:undo": button(frozenset()),  # whoever decided it; here nobody did
    "approvals:aside": page(SEE),
    "approvals:pass-on": button(frozenset({"manager"})),
    "approvals:add-approver": button(frozenset({"manager"})),
    "approvals:snooze": button(frozenset({"manager"})),
    "approvals:wake": button(SEE),  # one's own list
    "approvals:watch": button(SEE),
    "approvals:answer": button(frozenset()),  # whoever was asked; here nobody was
    "desk:reverse": button(WORK),
    "desk:ask": button(frozenset({"manager"})),
    "approvals:your-decisions": page(),  # one's own alone
    "reports:load": page(LEADS),  # of teams, never of a person
    "approvals:cover": Row(get=SIGNED_IN, post=SIGNED_IN),
    "approvals:fill-position": button(frozenset({"admin"})),
    "approvals:end-cover": button(frozenset({"manager", "admin"})),  # whose it is, and the admin
    "approvals:standing": page(),
    "approvals:confirm-standing": button(frozenset({"manager"})),  # the named person
    "approvals:pause-standing": button(LEADS),
    "approvals:resume-standing": button(frozenset({"manager"})),  # the named person
    "approvals:withdraw-standing": button(LEADS),
    "cases:triage": page(),
}

# Where an address names an object, the same rows hold for one of another team: there the outsider is who works, sees
# and decides, and nobody else passes.
FOREIGN = {WORK: frozenset({"outsider"}), SEE: frozenset({"outsider"}), frozenset({"manager"}): frozenset({"outsider"})}

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
# Calls on an object of another team: the stranger's token is its team's; nobody else's opens it, an agent's neither.
STRANGER = frozenset({"stranger"})
AGENT_ONLY = frozenset({"api:hand-over"})

# Around sign-in, all allauth's. Everybody in `get` gets a page or is led on to the next step, never to sign-in. No post
# without a form that fits changes anything; `post` says for whom the form is there at all.
ANYBODY = frozenset(PEOPLE)
NOBODY: frozenset[str] = frozenset()
DOOR: dict[str, Row] = {
    "set_language": Row(get=ANYBODY, post=ANYBODY),
    "account_login": Row(get=ANYBODY, post=ANYBODY),
    "account_logout": Row(get=ANYBODY, post=ANYBODY),
    "account_inactive": page(ANYBODY),
    "account_signup": Row(get=ANYBODY, post=ANYBODY),  # says that it is closed (test_signing_in.py)
    "account_reauthenticate": Row(get=SIGNED_IN, post=SIGNED_IN),
    "reauthenticate_at_the_provider": page(ANYBODY),
    "account_request_reauthentication_code": Row(),  # closed: a code by mail is not enough
    "account_confirm_reauthentication_code": Row(),
    "account_email": Row(),  # closed: admins set mail addresses
    "account_email_verification_sent": Row(),
    "account_change_password": Row(get=SIGNED_IN, post=SIGNED_IN),
    "account_set_password": Row(get=SIGNED_IN, post=SIGNED_IN),
    "account_reset_password": Row(get=ANYBODY, post=ANYBODY),
    "account_reset_password_done": page(ANYBODY),
    "account_reset_password_from_key": Row(get=ANYBODY, post=ANYBODY),
    "account_reset_password_from_key_done": page(ANYBODY),
    "account_confirm_email": Row(),
    "account_confirm_login_code": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_index": page(),
    "mfa_authenticate": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_reauthenticate": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_activate_totp": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_deactivate_totp": Row(),  # nobody in these tests has one
    "mfa_view_recovery_codes": page(NOBODY),  # nobody in these tests has any
    "mfa_generate_recovery_codes": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_download_recovery_codes": page(NOBODY),
    "mfa_list_webauthn": page(),
    "mfa_add_webauthn": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_reauthenticate_webauthn": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_remove_webauthn": Row(get=SIGNED_IN, post=SIGNED_IN),  # asks for the password first
    "mfa_edit_webauthn": Row(get=SIGNED_IN, post=SIGNED_IN),
    "mfa_login_webauthn": Row(get=SIGNED_IN, post=SIGNED_IN),
    "socialaccount_login_cancelled": page(ANYBODY),
    "socialaccount_login_error": Row(),  # a 401 in words
    "socialaccount_signup": Row(),
    "socialaccount_connections": Row(),  # closed: the mail address alone ties an account to a person
    "openid_connect_login": Row(),  # no provider is set here
    "openid_connect_callback": Row(),
    "usersessions_list": Row(get=SIGNED_IN, post=SIGNED_IN),
}
# The Django admin is for admins. What runs is looked at, what is configured is edited, nothing is ever deleted.
LOOK = frozenset({
    "cases_case", "cases_message", "cases_event", "cases_eventdetail", "cases_anchor", "cases_example", "agents_run",
    "agents_proposal", "agents_write", "agents_switch", "approvals_approval", "approvals_decision", "approvals_draft",
    "approvals_standingapproval", "api_apitoken", "notices_mailchoice", "notices_notice",
})  # fmt: skip
EDIT = frozenset({
    "auth_user", "cases_company", "cases_calendar", "cases_team", "cases_requesttype", "cases_template", "cases_fact",
    "cases_step", "agents_system", "agents_operation", "agents_agent", "agents_grant", "agents_factsource",
    "agents_stepwork", "agents_fallbackcard", "agents_companycalls", "approvals_rule", "notices_teamhook",
})  # fmt: skip
KEPT = (EDIT - {"auth_user"}) | {"approvals_standingapproval"}  # with every earlier version
NO_NEW = frozenset(
    {"cases_company", "agents_companycalls", "agents_factsource", "agents_stepwork"}
)  # made with what they belong to
ADMIN = frozenset({"admin"})
ADMIN_PAGES: dict[str, Row] = {
    "index": Row(get=ADMIN, post=ADMIN),
    "login": Row(get=ADMIN, post=ADMIN),  # no door of its own: everybody else goes to ours
    "logout": Row(get=ANYBODY, post=ANYBODY),  # one's own session, by a post
    "password_change": Row(get=ADMIN, post=ADMIN),
    "password_change_done": Row(get=ADMIN, post=ADMIN),
    "autocomplete": page(NOBODY),  # asks for a field
    "jsi18n": Row(get=ADMIN, post=ADMIN),
    "view_on_site": page(NOBODY),
    "app_list": Row(get=ADMIN, post=ADMIN),
    "auth_user_password_change": Row(get=ADMIN, post=ADMIN),
    "approvals_rule_preview": button(ADMIN),
    "approvals_rule_backtest": button(ADMIN),
    "approvals_rule_trials": page(ADMIN),
    "approvals_draft_publish": button(ADMIN),
    "approvals_draft_call_off": button(ADMIN),
    "approvals_draft_drop": button(ADMIN),
}


def admin_pages(model: str) -> dict[str, Row]:
    """The addresses that the admin has for a model."""
    edit = ADMIN if model in EDIT else NOBODY
    made = {
        f"{model}_changelist": Row(get=ADMIN, post=ADMIN),  # the post is an action
        f"{model}_history": Row(get=ADMIN, post=ADMIN),  # shows the same
        f"{model}_change": Row(get=ADMIN, post=edit),
        f"{model}_add": Row() if model in NO_NEW else Row(get=edit, post=edit),
        f"{model}_delete": Row(),
    }
    return made | ({f"{model}_simple_history": Row(get=ADMIN, post=edit)} if model in KEPT else {})


def foreign(name: str, row: Row) -> Row:
    """The row of an address with an object, for one of another team."""
    if name.endswith("-standing"):  # listed for everybody, confirmed by the named person
        return row
    if name == "desk:call":  # the other type has no operations
        return Row()
    if name in PAGES:
        return Row(get=FOREIGN.get(row.get, row.get), post=FOREIGN.get(row.post, row.post))
    if name in AGENT_ONLY:
        return Row()
    return Row(get=STRANGER if row.get else NOBODY, post=STRANGER if row.post else NOBODY)


# What a post must say so that only the right to it is in question.
BODIES: dict[str, dict[str, object]] = {
    "sort": {"type": "late_delivery"},
    "confirm-standing": {"version": "1"},
    "message": {"text": "hello"},
    "hand-back": {"may": "continue"},
    "close": {"outcome": "done"},
    "call": {"operation": "crm.add_note"},
    "repair": {"outcome": "failed"},
    "pause": {"what": "all:", "reason": "test"},
    "resume": {"what": "all:", "reason": "test"},
    "reverse": {"reason": "test"},
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
