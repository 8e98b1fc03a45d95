"""What a person sends with a decision: the option, a reason, changed arguments, and what they saw."""

import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms as django_forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.forms import Box, problems, read
from approvals.models import Approval
from approvals.sheet import REJECT, Line, Option, differs, reason_needed
from cases.texts import say
from cases.wording import argument as named

MOST_REASON = 2000  # characters


@dataclass
class Problem:
    """One thing that keeps the decision from being made; `at` is the id of the field it links to."""

    at: str
    words: str


@dataclass
class DecisionForm:
    """A decision as it was posted. `edits` holds only what really differs from what was proposed."""

    option: str = ""
    chip: str = ""
    text: str = ""
    fingerprint: str = ""
    nonce: str = ""
    seal: str = ""
    evidence: str = ""  # digest of what the page was filled from
    noted: str = ""  # when the page was opened, and what there was to read, as this server signed it
    unfolded: list[str] = field(default_factory=list)
    edits: dict[str, dict[str, Any]] = field(default_factory=dict)
    entered: dict[str, Box] = field(default_factory=dict)  # fields that hold what cannot be used, as they were typed
    ticked: dict[str, str] = field(default_factory=dict)  # WRITE.SLOT: digest of the text that stood there
    problems: list[Problem] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """The chip's words and the person's own, as one text."""
        return ": ".join(part for part in (self.chip, self.text) if part)

    @property
    def problem_at(self) -> dict[str, str]:
        return {problem.at: problem.words for problem in self.problems}


def empty() -> DecisionForm:
    return DecisionForm(nonce=new_nonce())


def new_nonce() -> str:
    """One a form; the database keeps each at most once."""
    return secrets.token_urlsafe(24)


def following(data: QueryDict) -> uuid.UUID | None:
    """Which approval the page wanted to open next, if it wanted one; whether it may be seen is that page's business."""
    try:
        return uuid.UUID(data.get("next", ""))
    except ValueError:
        return None


def chips(approval: Approval, language: str) -> list[tuple[str, str]]:
    """Reasons of the request type to choose from: what is stored, and what is shown."""
    reasons = approval.case.type.reasons if approval.case.type else []
    return [(say(reason, "en"), say(reason, language)) for reason in reasons]


def posted(data: QueryDict, approval: Approval, options: list[Option], *, unseen: bool = False) -> DecisionForm:
    """Read and check a posted decision; the form's `problems` say in words what is missing or wrong.

    `unseen`: the suggestion was not shown yet, so that nobody is asked why they differ from it.
    """
    form = DecisionForm(
        option=data.get("option", ""),
        chip=data.get("chip", "")[:200],
        text=data.get("reason", "").strip().replace("\r\n", "\n")[:MOST_REASON],
        fingerprint=data.get("fingerprint", "")[:64],
        nonce=data.get("nonce", "")[:64],
        seal=data.get("seal", "")[:64],
        evidence=data.get("evidence", "")[:64],
        noted=data.get("noted", "")[:1000],
        unfolded=data.getlist("unfolded")[:20],
    )
    option = next((o for o in options if o.name == form.option), None)
    if option is None:
        form.problems.append(_to_choose(options))
        return form
    if not option.allowed:
        words = _("%(option)s is not allowed: %(why)s") % {"option": option.title, "why": option.why}
        form.problems.append(Problem(f"option-{option.index}", words))
        return form
    form.edits = _edits(option, data, form)
    if option.fixed_by and form.edits:
        words = _("The first person fixed the values; confirm them or reject.")
        form.edits, form.problems = {}, [*form.problems, Problem(f"option-{option.index}", words)]
    form.ticked = {key: str(data[tick.tick])[:64] for key, tick in option.ticks if tick.tick in data and tick.known}
    if option.name != REJECT:
        form.problems += _unticked(option, form)
    needed = reason_needed(approval.proposal, option.name, form.edits)
    if unseen and differs(approval.proposal, option.name):
        needed = option.name == REJECT or bool(form.edits)
    if not form.problems and not form.reason and needed:
        form.problems.append(no_reason())
    return form


def _to_choose(options: Sequence[Option]) -> Problem:
    fixed = next((option for option in options if option.fixed_by), None)
    words = _("Choose what to do.")
    if fixed is not None:
        said = {"who": fixed.fixed_by, "option": fixed.title}
        words = _("%(who)s chose “%(option)s”. Confirm that or reject it.") % said
    return Problem(f"option-{options[0].index}", words)


def no_reason() -> Problem:
    return Problem("reason", _("Say why: choose a reason or write one."))


def _unticked(option: Option, form: DecisionForm) -> list[Problem]:
    """What has to be ticked and is not. What was not found cannot be confirmed: then only a reject is left."""
    said = {
        True: _("Tick “%(what)s” once you have looked at it."),
        False: _("“%(what)s” was not found, so it cannot be confirmed. You can reject, or ask for it."),
    }
    missing = [tick for key, tick in option.ticks if key not in form.ticked]
    return [Problem(tick.tick, said[tick.known] % {"what": tick.title}) for tick in missing]


def _edits(option: Option, data: Mapping[str, Any], form: DecisionForm) -> dict[str, dict[str, Any]]:
    edits: dict[str, dict[str, Any]] = {}
    form.problems += [_closed(option, line, name) for line in option.lines for name in _sent_closed(line, data)]
    for line in (one for one in option.lines if one.entries):  # an old page may have had them, where now they are fixed
        there = str(data.get(line.marker, "")).split()  # on the page: of a box that is not ticked nothing else is sent
        sent = [entry for entry in line.entries if entry.name in data or entry.argument in there]
        if not sent:
            continue
        schema = line.write.operation.arguments
        typed = read(sent, data, schema)
        kinds = {entry.argument: entry.kind for entry in sent}
        changed = {
            name: new
            for name, new in typed.items()
            if _differs(new, line.write.proposed.get(name), kinds.get(name, ""))
        }
        for entry in sent:
            if entry.name in data and entry.argument not in typed and not entry.error:
                entry.error = _left_out(entry, line.write.proposed.get(entry.argument))
        wrong = [entry for entry in sent if entry.error]
        form.problems += [Problem(entry.name, entry.error) for entry in wrong]
        if changed and not wrong:
            found = problems(sent, schema, {**line.write.proposed, **changed})
            form.problems += [Problem(at or sent[0].name, words) for at, words in found]
        form.entered |= {entry.name: entry for entry in sent if entry.error}
        if changed:
            edits[line.write.name] = changed
    return edits


def _sent_closed(line: Line, data: Mapping[str, Any]) -> list[str]:
    """Masked arguments that a page could still change when it was filled, and that were closed again since."""
    return [
        name
        for entry, name in line.closed.items()
        for sent in data
        if sent.startswith(f"{entry}.") or (sent == entry and data[sent] != str(line.write.proposed.get(name)))
    ]


def _closed(option: Option, line: Line, name: str) -> Problem:
    words = _("%(name)s of %(write)s was masked again. Open it to change it. Nothing was decided.")
    return Problem(f"option-{option.index}", words % {"name": named(name), "write": line.operation})


def _left_out(entry: Box, proposed: Any) -> str:
    """A change puts another value; what was emptied would go out as it was proposed."""
    if proposed in (None, "", [], {}) or not str(proposed).strip():
        return ""
    return _("%(name)s was proposed and cannot be left out. Write a value, or reject.") % {"name": entry.title}


def _differs(new: Any, old: Any, kind: str) -> bool:
    """Whether a person changed it. What a browser does to line ends in a field by itself is no change of theirs."""
    if kind == "yes_no" and old is None:
        return bool(new)  # a box that stands for nothing yet, left as it was
    if isinstance(new, str) and isinstance(old, str):
        ends = "\n" if kind == "long" else ""
        return _line_ends(new, ends) != _line_ends(old, ends)
    return bool(new != old)


def _line_ends(text: str, ends: str) -> str:
    return re.sub(r"\r\n|\r|\n", ends, text).strip()


# ---------------------------------------------------------------------- cover


class _Dates(django_forms.Form):
    """From when to when, in the company's time zone; without a beginning it begins at once."""

    by = django_forms.ChoiceField(label=gettext_lazy("Who covers"))
    starts_at = django_forms.DateTimeField(
        label=gettext_lazy("From"),
        required=False,
        help_text=gettext_lazy("Left empty: from now on."),
        widget=django_forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    ends_at = django_forms.DateTimeField(
        label=gettext_lazy("Until"),
        widget=django_forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = django_forms.CharField(label=gettext_lazy("Reason"), required=False, max_length=300)

    def __init__(self, data: Any = None, *, people: Sequence[Any], **more: Any) -> None:
        super().__init__(data, label_suffix="", **more)
        self.choices("by", [(str(one.pk), name(one)) for one in people])

    def choices(self, field: str, found: list[tuple[str, Any]]) -> None:
        self.fields[field].choices = [("", _("Choose")), *found]  # type: ignore[attr-defined]


class CoverForm(_Dates):
    """Cover for oneself; for those who may arrange it also for others."""

    field_order = ["of", "by", "starts_at", "ends_at", "reason"]

    of = django_forms.ChoiceField(label=gettext_lazy("For whom"), required=False)

    def __init__(self, data: Any = None, *, people: Sequence[Any], of: Sequence[Any]) -> None:
        super().__init__(data, people=people)
        if len(of) == 1:
            del self.fields["of"]
            return
        self.fields["of"].choices = [  # type: ignore[attr-defined]
            (str(of[0].pk), _("Myself")),
            *((str(one.pk), name(one)) for one in of[1:]),
        ]

    def clean(self) -> dict[str, Any]:
        return {"of": "", **self.cleaned_data}


class PositionForm(_Dates):
    """Who answers for a team in which nobody is left."""

    prefix = "position"
    field_order = ["team", "by", "starts_at", "ends_at", "reason"]

    team = django_forms.ChoiceField(label=gettext_lazy("Empty position"))

    def __init__(self, data: Any = None, *, people: Sequence[Any], teams: Sequence[Any]) -> None:
        super().__init__(data, people=people)
        self.fields["reason"].required = True
        self.choices("team", [(str(one.pk), one.shown) for one in teams])


def name(user: Any) -> str:
    return str(user.get_full_name() or user.username)
