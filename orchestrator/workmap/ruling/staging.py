"""Who a rule asks, as choices and back: one team, or several stages. Pure; `choosing` puts it into the sentence."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from orchestrator.workmap.records import Record

MOST_STAGES = 12
UNITS = ("m", "h", "d")
NO_LENGTH = ("", "h")
IN_TURN = "one_after_the_other"
_LENGTH = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
Problems = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One team that is asked, as texts; a length is (how many, unit)."""

    ask: str = ""
    people: str = ""
    within: tuple[str, str] = NO_LENGTH
    calendar: str = ""
    pass_to: str = ""
    pass_within: tuple[str, str] = NO_LENGTH


def read(part: Mapping[str, Any]) -> Stage:
    """What one `ask` of a rule says; what else stands in it is not seen here."""
    nobody = part.get("if_nobody") or {}
    return Stage(
        ask=str(part.get("ask", "")),
        people=str(part.get("people", "")),
        within=length_of(part.get("within")),
        calendar=str(part.get("calendar", "")),
        pass_to=str(nobody.get("pass_to", "")),
        pass_within=length_of(nobody.get("within")),
    )


def write(stage: Stage, problems: Problems, place: str = "") -> Record:
    """One `ask` of a rule. What it lacks goes to `problems`, with `place` before the name of its field."""
    part: Record = {"ask": stage.ask}
    if not stage.ask:
        problems.append((f"{place}ask", _("Choose who is asked.")))
    if stage.people:
        part["people"] = counted(stage.people, f"{place}people", problems)
    _put(part, stage.within, f"{place}within", problems)
    if stage.calendar:
        part["calendar"] = stage.calendar
    if stage.pass_to:
        part["if_nobody"] = {"pass_to": stage.pass_to}
        _put(part["if_nobody"], stage.pass_within, f"{place}pass_within", problems)
    return part


def written(stages: Sequence[Stage], order: str, exclusive: str, problems: Problems) -> Record:
    """The stages of a rule. A row without a team is left out; what is so anyway is not said."""
    then: Record = {"stages": [write(one, problems, f"stage_{n}_") for n, one in enumerate(stages) if one != Stage()]}
    if not then["stages"]:
        problems.append(("effect", _("Add a stage: who is asked first?")))
    if order and order != IN_TURN:
        then["order"] = order
    if exclusive == "no":
        then["exclusive"] = False
    return then


def spoken(then: Mapping[str, Any]) -> Record:
    """What a rule does without what would be so anyway: one after the other, one stage a person."""
    usual = {"order": IN_TURN, "exclusive": True}
    return {key: value for key, value in then.items() if key not in usual or value != usual[key]}


def sent(text: Callable[[str], str]) -> tuple[Stage, ...]:
    """The stages as a form sent them. `text`: what it sent for a name, without the `s_` before it."""
    count = text("stages")
    many = min(int(count), MOST_STAGES) if re.fullmatch(r"[0-9]{1,3}", count) else 0
    return tuple(
        Stage(
            ask=text(f"stage_{n}_ask"),
            people=text(f"stage_{n}_people"),
            within=(text(f"stage_{n}_within"), text(f"stage_{n}_within_unit") or "h"),
            calendar=text(f"stage_{n}_calendar"),
            pass_to=text(f"stage_{n}_pass_to"),
            pass_within=(text(f"stage_{n}_pass_within"), text(f"stage_{n}_pass_within_unit") or "h"),
        )
        for n in range(many)
    )


def length_of(text: Any) -> tuple[str, str]:
    match = _LENGTH.fullmatch(str(text or ""))
    return (match[1], match[2]) if match else NO_LENGTH


def counted(text: str, where: str, problems: Problems) -> int:
    if _COUNT.fullmatch(text.strip()):
        return int(text)
    problems.append((where, _("Write a whole number.")))
    return 1


def _put(into: Record, length: tuple[str, str], where: str, problems: Problems) -> None:
    count, unit = length[0].strip(), length[1]
    if not count:
        return
    if not _COUNT.fullmatch(count) or unit not in UNITS:
        problems.append((where, _("Write a whole number.")))
        return
    into["within"] = f"{count}{unit}"
