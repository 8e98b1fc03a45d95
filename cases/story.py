"""The story of a case in sentences: each event code has a kind and a sentence, in the page's language. Pure.

A code that is not in the table is still told, by its own name, so that nothing is left out of a timeline.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.texts import say
from cases.wording import argument, field, money, name_of, value

Data = Mapping[str, Any]
Told = Callable[[str, Data], str]

KINDS: dict[str, str | Promise] = {
    "request": gettext_lazy("Request"),
    "data": gettext_lazy("Data used"),
    "agent": gettext_lazy("Agent step"),
    "rule": gettext_lazy("Rule"),
    "approval": gettext_lazy("Approval"),
    "written": gettext_lazy("Written"),
    "problem": gettext_lazy("Problem or repair"),
}
SIGNS = {
    "request": "→",
    "data": "≡",
    "agent": "◆",
    "rule": "§",
    "approval": "✓",
    "written": "✎",
    "problem": "!",
}
KIND_OF_AREA = {
    "request": "request",
    "message": "request",
    "data": "data",
    "fact": "data",
    "agent": "agent",
    "rule": "rule",
    "standing": "rule",
    "cover": "rule",
    "policy": "rule",
    "approval": "approval",
    "write": "written",
    "proposal": "agent",
    "case": "request",
    "customer": "data",
    "step": "agent",
    "permit": "approval",
    "due": "problem",
    "details": "problem",
    "ai": "problem",
    "gate": "problem",
    "repair": "problem",
}


def kind_of(code: str) -> str:
    """One of the seven kinds of a timeline."""
    return KIND_OF.get(code) or KIND_OF_AREA.get(code.split(".", 1)[0], "request")


def codes_of(kind: str) -> tuple[list[str], list[str]]:
    """How a kind is asked for: its codes, and areas (`write.`) whose codes are in it unless said otherwise."""
    codes = [code for code, own in KIND_OF.items() if own == kind]
    areas = [f"{area}." for area, own in KIND_OF_AREA.items() if own == kind]
    return codes, areas


def other_codes(kind: str) -> list[str]:
    """Codes in the areas of `kind` that belong to another kind."""
    return [code for code, own in KIND_OF.items() if own != kind]


def sentence(code: str, actor: str, data: Data) -> str:
    """What happened, in one sentence with who did it. `actor` is the label of the ledger."""
    who = name_of(actor) or _("control layer")
    who = who[:1].upper() + who[1:]
    told = SENTENCES.get(code)
    if told is None:
        return _("%(who)s: %(what)s.") % {
            "who": who,
            "what": field(code.replace(".", " ")).replace("  ", " "),
        }
    return told(who, data)


def why_here(why: Data) -> str:
    """Why a case is where it is, in one sentence; '' when there is nothing to say."""
    code = str(why.get("code") or "")
    told = WHY.get(code)
    if told is not None:
        return told(why)
    return _said(why, "words", "why", "reason")


def _said(data: Data, *names: str) -> str:
    """The first of `names` that has something, in the language of the page."""
    language = translation.get_language() or "en"
    for name in names:
        thing = _worked_out(name, data) if name.startswith("_") else data.get(name)
        if isinstance(thing, Mapping) and set(thing) <= {"en", "zh-hant"}:
            return say(dict(thing), language)
        if thing not in (None, "", [], {}):
            return thing if isinstance(thing, str) else str(thing) if isinstance(thing, Promise) else value(thing)
    return ""


def _worked_out(name: str, data: Data) -> Any:
    """Places that no single key holds: why a case is here, how it ended, the options of a proposal."""
    why = data.get("why")
    if name == "_why":
        return why_here(why) if isinstance(why, Mapping) else WITHDRAWN.get(str(why), why)
    if name == "_may":
        return str(AI_MAY.get(str(data.get("may")), AI_MAY["continue"]))
    if name == "_to":
        to = str(data.get("to") or "")
        return _("the requester") if to == "requester" else name_of(to)
    if name == "_outcome":
        return outcome(str(data.get("outcome") or ""))
    options = [o for o in data.get("options") or [] if isinstance(o, Mapping) and o.get("name") != "reject"]
    return ", ".join(_said(option, "title", "name") for option in options)


def _tell(text: str | Promise, /, **places: tuple[str, ...]) -> Told:
    """A sentence from a text with `%(who)s` and named places: each the first of its keys that is known."""

    def told(who: str, data: Data) -> str:
        words = {name: _said(data, *keys) or "–" for name, keys in places.items()}
        return str(text) % {"who": who, **words}

    return told


def _with(base: Told, text: str | Promise, *keys: str) -> Told:
    """`base`, and a second sentence when one of `keys` is known."""

    def told(who: str, data: Data) -> str:
        more = _said(data, *keys)
        return base(who, data) + (str(text) % {"more": more} if more else "")

    return told


def _sorted(who: str, data: Data) -> str:
    type_ = _said(data, "title", "type") or "–"
    by = str(data.get("by") or "")
    if by == "person":
        return _("%(who)s sorted this as %(type)s.") % {"who": who, "type": type_}
    share = data.get("confidence")
    if isinstance(share, int | float):
        return _("%(who)s sorted this as %(type)s (%(share)s sure).") % {
            "who": who,
            "type": type_,
            "share": f"{share:.0%}",
        }
    return _("%(who)s sorted this as %(type)s.") % {"who": who, "type": type_}


def _received(who: str, data: Data) -> str:
    channel = CHANNELS.get(str(data.get("channel") or ""), "")
    sender = str(data.get("name") or data.get("contact") or who)
    if channel:
        return _("Request from %(sender)s came in by %(channel)s.") % {"sender": sender, "channel": channel}
    return _("Request from %(sender)s came in.") % {"sender": sender}


def _read(who: str, data: Data) -> str:
    system, what = _said(data, *SYSTEM) or "–", _said(data, *OPERATION) or "–"
    line = _("%(who)s read %(system)s: %(what)s.") % {"who": who, "system": system, "what": what}
    count = data.get("count")
    return line + " " + _("Nothing was found.") if count == 0 else line


def _facts(who: str, data: Data) -> str:
    known, unknown = data.get("known") or {}, data.get("unknown") or {}
    titles = dict(data.get("titles") or {})

    def listed(names: Iterable[str]) -> str:
        return ", ".join(_said(titles, name) or field(name) for name in names)

    parts = []
    if isinstance(known, Mapping) and known:
        parts.append(_("Facts found: %(names)s.") % {"names": listed(known)})
    if isinstance(unknown, Mapping) and unknown:
        parts.append(_("Not known: %(names)s.") % {"names": listed(unknown)})
    return " ".join(parts) or _("No facts were needed.")


def _asked(who: str, data: Data) -> str:
    asked = data.get("asked") or []
    teams = ", ".join(_said(one, "title", "team") for one in asked if isinstance(one, Mapping)) or _said(data, *TEAM)
    line = _("%(team)s asked to decide: %(what)s.") % {
        "team": teams or "–",
        "what": _said(data, "title") or "–",
    }
    return f"{line} {_said(data, 'why')}".strip()


def _decided(who: str, data: Data) -> str:
    option = _said(data, "option_title", "option") or "–"
    if data.get("covering"):
        who = _("%(name)s, covering for %(other)s") % {"name": who, "other": name_of(str(data["covering"]))}
    elif data.get("override"):
        who = _("%(name)s, for the empty position %(team)s") % {"name": who, "team": data.get("team")}
    line = _("%(who)s decided: %(option)s.") % {"who": who, "option": option}
    edits, before, amounts = data.get("edits") or {}, data.get("before") or {}, data.get("amounts") or {}
    for write, values in edits.items():
        paid = amounts.get(write) or {}
        for name, new in values.items():
            said = ((before.get(write) or {}).get(name), new)
            kind = "money" if name == paid.get("argument") else ""
            was, now = (value(one, str(paid.get("currency") or "HKD"), kind) for one in said)
            change = {"name": argument(name), "before": was, "after": now}
            line += " " + _("Changed %(name)s from %(before)s to %(after)s.") % change
    given = (data.get("step_up") or {}).get("method")
    if given:
        line += " " + (_("Confirmed with a passkey.") if given == "webauthn" else _("Confirmed with a one-time code."))
    confirmed = data.get("confirmed") or {}
    if confirmed:
        line += " " + _("Confirmed: %(what)s.") % {"what": "; ".join(str(text) for text in confirmed.values())}
    reason = _said(data, "reason")
    return line + " " + _("Reason: %(reason)s") % {"reason": reason} if reason else line


def _amount(data: Data) -> str:
    amount = data.get("money")
    return money(amount, str(data.get("currency") or "HKD")) if amount not in (None, "") else ""


def _write(text: str | Promise) -> Told:
    """A sentence about one write: operation, amount and the reference or the error that goes with it."""

    def told(who: str, data: Data) -> str:
        what = _said(data, "title", "operation", "name") or "–"
        amount = _amount(data)
        words = {
            "who": who,
            "what": f"{what} {amount}".strip(),
            "system": _said(data, "system_title", "system"),
        }
        line = str(text) % words
        reference = _said(data, "reference")
        error = _said(data, "error")
        if reference:
            line += " " + _("Reference %(reference)s.") % {"reference": reference}
        return f"{line} {error}".strip()

    return told


CHANNELS = {
    "api": gettext_lazy("API"),
    "email": gettext_lazy("e-mail"),
    "whatsapp": gettext_lazy("WhatsApp"),
    "web": gettext_lazy("the web form"),
    "staff": gettext_lazy("staff"),
    "alert": gettext_lazy("an alert"),
}
TEAM = ("team_title", "team")
OPERATION = ("title", "operation", "name")
SYSTEM = ("system_title", "system")
STEP = ("does", "step_title", "title", "step")

SENTENCES: dict[str, Told] = {
    "request.received": _received,
    "request.sorted": _sorted,
    "request.unsorted": _tell(gettext_lazy("No request type fits for sure: a person sorts it.")),
    "customer.found": _tell(
        gettext_lazy("The requester is customer %(customer)s, found by contact."), customer=("customer",)
    ),
    "customer.number": _tell(
        gettext_lazy("The request gave customer %(given)s, who is customer %(customer)s in our record."),
        given=("given",),
        customer=("customer",),
    ),
    "customer.unknown": _with(_tell(gettext_lazy("The customer is not known.")), " %(more)s", "why"),
    "data.read": _read,
    "data.not_read": _with(
        _tell(gettext_lazy("%(who)s could not read %(system)s: %(what)s."), system=SYSTEM, what=OPERATION),
        " %(more)s",
        "why",
    ),
    "fact.found": _facts,
    "step.opened": _tell(gettext_lazy("The step %(step)s began."), step=STEP),
    "step.waits": _tell(gettext_lazy("The step %(step)s waits and is tried again."), step=STEP),
    "step.skipped": _tell(gettext_lazy("The step %(step)s does not apply and is skipped."), step=STEP),
    "agent.step_done": _with(_tell(gettext_lazy("%(who)s did: %(step)s."), step=STEP), " %(more)s", "note"),
    "agent.step_skipped": _with(_tell(gettext_lazy("%(who)s skipped: %(step)s."), step=STEP), " %(more)s", "why"),
    "agent.step_failed": _with(
        _with(_tell(gettext_lazy("%(who)s could not finish: %(step)s."), step=STEP), " %(more)s", "why"),
        gettext_lazy(" Missing: %(more)s."),
        "missing",
    ),
    "agent.step_noted": _with(_tell(gettext_lazy("%(who)s left a note on: %(step)s."), step=STEP), " %(more)s", "note"),
    "step.done_by_hand": _tell(gettext_lazy("%(who)s did the step %(step)s."), step=STEP),
    "request.no_type": _tell(gettext_lazy("%(who)s said that this is none of our types.")),
    "approval.time_back": _tell(gettext_lazy("The approval got back the time lost in a pause.")),
    "write.still_unknown": _write(gettext_lazy("Looked up, and still nobody knows: %(what)s.")),
    "proposal.made": _with(_tell(gettext_lazy("%(who)s proposed: %(what)s."), what=("_options",)), " %(more)s", "why"),
    "proposal.withdrawn": _tell(gettext_lazy("A proposal was withdrawn: %(why)s."), why=("_why",)),
    "approval.asked": _asked,
    "approval.decided": _decided,
    "approval.refused": _with(_tell(gettext_lazy("%(who)s tried to decide and may not.")), " %(more)s", "why"),
    "approval.undone": _tell(gettext_lazy("%(who)s took the decision back: %(what)s."), what=("title",)),
    "approval.withdrawn": _tell(gettext_lazy("No decision is needed any more: %(what)s."), what=("title",)),
    "approval.passed_up": _tell(
        gettext_lazy("Nobody in %(whom)s decided in time: passed up to %(team)s."),
        whom=("from_title", "from"),
        team=("to_title", "to"),
    ),
    "approval.question": _tell(
        gettext_lazy("%(who)s asked %(whom)s before deciding: “%(text)s”"), whom=("to_title", "_to"), text=("text",)
    ),
    "approval.answered": _tell(gettext_lazy("%(who)s answered: “%(text)s”"), text=("text",)),
    "approval.approver_added": _with(
        _tell(gettext_lazy("%(who)s added %(whom)s, who must agree as well."), whom=("_to",)), " %(more)s", "reason"
    ),
    "approval.passed_on": _with(
        _tell(gettext_lazy("%(who)s passed this on to %(whom)s."), whom=("_to",)), " %(more)s", "reason"
    ),
    "approval.named_left": _tell(
        gettext_lazy("%(whom)s left and is waited for no more: %(what)s."), whom=("who",), what=("title",)
    ),
    "approval.opened": _tell(gettext_lazy("%(who)s opened a masked field: %(what)s."), what=("argument",)),
    "approval.looked_again": _tell(gettext_lazy("%(who)s had the evidence read again.")),
    "approval.overdue": _tell(
        gettext_lazy("Nobody decided in time: %(what)s. It stays with the people asked."), what=("title",)
    ),
    "cover.set": _tell(
        gettext_lazy("%(who)s set a cover: %(by)s decides for %(of)s from %(start)s until %(end)s."),
        by=("by",),
        of=("of",),
        start=("starts_at",),
        end=("ends_at",),
    ),
    "cover.override": _tell(
        gettext_lazy("%(who)s filled the empty position %(team)s: %(by)s decides from %(start)s until %(end)s."),
        team=("title", "team"),
        by=("by",),
        start=("starts_at",),
        end=("ends_at",),
    ),
    "cover.ended": _tell(
        gettext_lazy("%(who)s ended a cover: %(by)s decides no longer for %(of)s."), by=("by",), of=("of", "team")
    ),
    "permit.held": _tell(gettext_lazy("%(source)s. It is written after the hold."), source=("source",)),
    "permit.given": _tell(gettext_lazy("%(source)s. It may be written now."), source=("source",)),
    "permit.taken_back": _tell(gettext_lazy("The permission to write was taken back.")),
    "write.reserved": _write(gettext_lazy("%(what)s is being written to %(system)s.")),
    "write.written": _write(gettext_lazy("Written to %(system)s and checked: %(what)s.")),
    "write.differs": _write(gettext_lazy("Written to %(system)s, but it shows something else: %(what)s.")),
    "write.failed": _write(gettext_lazy("%(system)s refused it, nothing was written: %(what)s.")),
    "write.unknown": _write(gettext_lazy("Nobody knows yet whether it was written to %(system)s: %(what)s.")),
    "write.retry": _write(gettext_lazy("%(system)s did not take it now, it is tried again: %(what)s.")),
    "write.not_started": _with(_tell(gettext_lazy("Nothing was written.")), " %(more)s", "words", "why"),
    "write.repaired": _write(gettext_lazy("%(who)s repaired the record in %(system)s: %(what)s.")),
    "case.asked_customer": _tell(gettext_lazy("The requester was asked for: %(missing)s."), missing=("missing",)),
    "case.with_people": _with(
        _tell(gettext_lazy("The AI stopped here: %(team)s has the case now."), team=TEAM), " %(more)s", "_why"
    ),
    "case.reversal": _with(
        _tell(gettext_lazy("%(who)s started a reversal of %(what)s: case %(case)s."), what=("title",), case=("case",)),
        " %(more)s",
        "reason",
    ),
    "case.taken_over": _tell(gettext_lazy("%(who)s took the case over from %(whom)s."), whom=("from",)),
    "case.handed_back": _with(
        _tell(gettext_lazy("%(who)s handed the case back to the AI, which may %(may)s."), may=("_may",)),
        gettext_lazy(" Promised: %(more)s."),
        "promised",
    ),
    "case.closed": _with(
        _tell(gettext_lazy("%(who)s closed the case.")), gettext_lazy(" Outcome: %(more)s."), "_outcome"
    ),
    "case.reopened": _with(_tell(gettext_lazy("%(who)s opened the case again.")), " %(more)s", "_why"),
    "case.released": _tell(gettext_lazy("%(whom)s left; the case went to %(team)s."), whom=("from",), team=TEAM),
    "case.withdrawn": _with(_tell(gettext_lazy("The requester withdrew the request.")), " %(more)s", "reason"),
    "message.received": _tell(gettext_lazy("%(author)s wrote: “%(text)s”"), author=("author",), text=("text",)),
    "message.sent": _tell(gettext_lazy("Reply sent by %(who)s: “%(text)s”"), text=("text",)),
    "message.noted": _tell(gettext_lazy("%(who)s left a private note: “%(text)s”"), text=("text",)),
    "ai.late": _tell(
        gettext_lazy("%(agent)s finished too late: the result is kept and not used."), agent=("agent_title", "agent")
    ),
    "ai.stopped": _tell(gettext_lazy("%(agent)s was stopped."), agent=("agent_title", "agent")),
    "gate.refused": _with(
        _tell(gettext_lazy("%(who)s was refused: %(what)s."), what=OPERATION), " %(more)s", "words", "reason"
    ),
    "due.passed": _tell(gettext_lazy("A due time passed.")),
    "details.erased": _tell(gettext_lazy("Personal details were erased.")),
}
KIND_OF: dict[str, str] = {
    "request.unsorted": "problem",
    "case.with_people": "problem",
    "case.taken_over": "problem",
    "case.released": "problem",
    "case.asked_customer": "agent",
    "message.sent": "written",
    "data.not_read": "problem",
    "customer.unknown": "data",
    "agent.step_failed": "problem",
    "approval.overdue": "problem",
    "approval.named_left": "problem",
    "approval.refused": "problem",
    "write.differs": "problem",
    "write.failed": "problem",
    "write.unknown": "problem",
    "write.retry": "problem",
    "write.still_unknown": "problem",
    "write.not_started": "problem",
    "write.repaired": "problem",
}
AI_MAY = {
    "continue": gettext_lazy("go on with the steps"),
    "draft": gettext_lazy("only draft"),
    "watch": gettext_lazy("only watch"),
}
WITHDRAWN = {
    "turn": gettext_lazy("somebody else took the case on"),
    "undone": gettext_lazy("the decision was taken back"),
    "taken_over": gettext_lazy("a person took the case over"),
    "sorted_again": gettext_lazy("the case was sorted again"),
    "handed_back": gettext_lazy("the case went back to the AI"),
    "handed_over": gettext_lazy("the agent handed the case to people"),
    "closed": gettext_lazy("the case was closed"),
    "message": gettext_lazy("The requester wrote again."),
    "withdrawn": gettext_lazy("the requester withdrew the request"),
    "reopened": gettext_lazy("the case was opened again"),
    "unknown": gettext_lazy("Nobody knows whether something was written: a person has to find out."),
}
OUTCOMES = {
    "automatic": gettext_lazy("finished automatically"),
    "approved": gettext_lazy("finished after an approval"),
    "withdrawn": gettext_lazy("withdrawn by the requester"),
}

WHY: dict[str, Callable[[Data], str]] = {
    "taken_over": lambda why: (
        _("%(by)s took it over from %(whom)s.")
        % {"by": name_of(str(why.get("by") or "–")), "whom": _said(why, "from") or "–"}
    ),
    "reopened": lambda why: (_("Opened again.") + " " + _said(why, "_why")).strip(),
    "released": lambda why: _("%(whom)s left.") % {"whom": _said(why, "from") or "–"},
    "not_sure": lambda why: _("No request type fits for sure."),
    "missing_data": lambda why: _("AI stopped: %(missing)s not found.") % {"missing": _said(why, "missing") or "–"},
    "still_missing": lambda why: (
        _("AI stopped: %(missing)s is still missing after the requester was asked.")
        % {"missing": _said(why, "missing") or "–"}
    ),
    "step_failed": lambda why: (_("AI stopped at a step.") + " " + _said(why, "why")).strip(),
    "step_unclear": lambda why: (
        _("AI stopped: %(missing)s is not known, so nobody can say whether a step applies.")
        % {"missing": _said(why, "missing") or "–"}
    ),
    "tried_too_often": lambda why: (
        _("AI stopped: the step %(step)s failed %(n)s times.")
        % {"step": field(_said(why, "step")), "n": why.get("n", "")}
    ),
    "step_of_people": lambda why: _("Next step for a person: %(step)s.") % {"step": _said(why, "does", "step")},
    "handed_over": lambda why: (_("The agent handed it over.") + " " + _said(why, "summary", "why")).strip(),
    "limit": lambda why: (_("A limit was reached.") + " " + _said(why, "why", "words")).strip(),
    "no_type": lambda why: _("None of our types fits."),
    "no_steps": lambda why: _("No steps are set up for this type."),
    "step_handed_over": lambda why: _("A step was handed to people."),
}


def outcome(code: str) -> str:
    """How a case ended, in words: what the flow sets has words here, what people typed stays."""
    return str(OUTCOMES.get(code, code))


def where(case: Any) -> str:
    """Where a case is and who has it, in a few words. Needs `holder_user` and `holder_team` loaded."""
    status = str(case.status)
    if status in ("done", "merged", "triage", "waiting_customer", "waiting_approval", "waiting_write"):
        return str(case.get_status_display())
    if case.holder_kind == "person" and case.holder_user:
        who = case.holder_user.get_full_name() or case.holder_user.username
        return _("With %(who)s") % {"who": who}
    if case.holder_kind == "team" and case.holder_team:
        return _("With %(who)s, nobody yet") % {"who": case.holder_team.shown}
    return str(case.get_status_display())
