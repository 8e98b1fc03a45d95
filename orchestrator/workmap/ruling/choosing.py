"""A rule as the choices of its sentence, and back. Pure: a form shows the choices, nobody writes code.

`read` says None for a rule that holds more than the choices can say (nested conditions): it stays data. What `read`
gives, `write` turns into the very same rule, without what would be so anyway.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from cases.comparing import COMPARISONS, EACH, WITHOUT_VALUE
from cases.conditions import SIDES, is_reference
from orchestrator.workmap.records import Record, same
from orchestrator.workmap.ruling import staging
from orchestrator.workmap.ruling.staging import NO_LENGTH, Problems, Stage, counted

MOST_ROWS = 40
LISTS = ("one of", "none of", *EACH)
INNER = ("is", "is not", "more than", "at least", "less than", "at most", "contains", "starts with", "ends with")
IS = (*COMPARISONS, *(f"{each}: {inner}" for each in EACH for inner in INNER))
CAPS = ("up_to", "per_day", "total_per_day", "total")
OF_ASK = ("ask", "people", "calendar", "pass_to", "together", "order", "exclusive", "unknown_ask")
TEXTS = (*OF_ASK, "forbid_en", "forbid_zh", "by", "until", *CAPS)
LENGTHS = ("within", "pass_within")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_YES_NO = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One condition. `left` and `other`: `fact NAME`, `argument NAME` or `formula TEXT`; `inside`: the path in it."""

    group: str = "all"
    left: str = ""
    inside: str = ""
    comparison: str = "is"
    value: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """All choices of a rule's sentence, as texts."""

    types: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    effect: str = "ask"
    texts: Mapping[str, str] = field(default_factory=dict)
    lengths: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # (how many, unit)
    stages: tuple[Stage, ...] = ()


class Unwritable(ValueError):
    """What the choices lack, as (where, words)."""

    def __init__(self, problems: Problems) -> None:
        super().__init__("; ".join(words for _where, words in problems))
        self.problems = problems


# --- from a rule ---


def read(when: Mapping[str, Any], then: Mapping[str, Any], kinds: Mapping[str, str]) -> Choices | None:
    """The choices that say this rule; None if it says more. `kinds`: of facts and arguments (`fact x`: `money`)."""
    try:
        found = Choices(
            types=tuple(when.get("types", ())),
            operations=tuple(when.get("operations", ())),
            rows=tuple(_row(group, leaf) for group in ("all", "any") for leaf in when.get(group, ())),
            effect=next(key for key in ("stages", "ask", "forbid", "standing_approval") if key in then),
            texts=_texts(then),
            lengths=_lengths(then),
            stages=tuple(staging.read(part) for part in then.get("stages", ())),
        )
        wrote = write(found, kinds)
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration):
        return None
    if len(found.stages) > staging.MOST_STAGES or not same(wrote["when"], dict(when)):
        return None
    return found if same(wrote["then"], staging.spoken(then)) else None


def _row(group: str, leaf: Mapping[str, Any]) -> Row:
    (side,) = (key for key in SIDES if key in leaf)
    name = str(leaf[side])
    root = name if side == "formula" else re.split(r"[.\[]", name, maxsplit=1)[0]
    value, comparison = leaf.get("value"), str(leaf["is"])
    if comparison in EACH and isinstance(value, Mapping) and not is_reference(value):
        comparison, value = f"{comparison}: {value['is']}", value.get("value")
    other = ""
    if is_reference(value):
        ((kind, named),) = value.items()  # type: ignore[union-attr]
        other, value = f"{kind} {named}", None
    return Row(group, f"{side} {root}", name[len(root) :].lstrip("."), comparison, _shown(value), other)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _texts(then: Mapping[str, Any]) -> dict[str, str]:
    caps = then.get("standing_approval") or {}
    forbid = then.get("forbid", "")
    said = forbid if isinstance(forbid, Mapping) else {"en": forbid}
    found = {
        "ask": then.get("ask", ""),
        "people": then.get("people", ""),
        "calendar": then.get("calendar", ""),
        "pass_to": (then.get("if_nobody") or {}).get("pass_to", ""),
        "together": (then.get("together") or {}).get("total", ""),
        "order": "at_once" if then.get("order") == "at_once" else "",
        "exclusive": "no" if then.get("exclusive") is False else "",
        "forbid_en": said.get("en", ""),
        "forbid_zh": said.get("zh-hant", ""),
        "unknown_ask": (then.get("if_unknown") or {}).get("ask", ""),
        **{key: caps.get(key, "") for key in ("by", "until", *CAPS)},
    }
    return {key: str(value) for key, value in found.items()}


def _lengths(then: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    said = {"within": then.get("within"), "pass_within": (then.get("if_nobody") or {}).get("within")}
    return {key: staging.length_of(text) for key, text in said.items()}


# --- to a rule ---


def write(choices: Choices, kinds: Mapping[str, str]) -> Record:
    """`when` and `then` of the rule that the choices say. Raises Unwritable with everything that is missing."""
    problems: Problems = []
    when: Record = {}
    if choices.types:
        when["types"] = list(choices.types)
    if choices.operations:
        when["operations"] = list(choices.operations)
    for index, row in enumerate(choices.rows):
        if not row.left:
            continue
        try:
            when.setdefault(row.group, []).append(_leaf(row, kinds))
        except ValueError as error:
            problems.append((f"row_{index}", str(error)))
    then = _then(choices, problems)
    if problems:
        raise Unwritable(problems)
    return {"when": when, "then": then}


def kind_of(row: Row, kinds: Mapping[str, str]) -> str:
    """The kind of a row's left side, as far as it is declared; nothing is known of what is inside a record."""
    return "" if row.inside else kinds.get(row.left, "")


def _leaf(row: Row, kinds: Mapping[str, str]) -> Record:
    side, _space, root = row.left.partition(" ")
    joint = "" if not row.inside or row.inside.startswith("[") else "."
    leaf: Record = {side: f"{root}{joint}{row.inside}" if side != "formula" else root}
    each, _colon, inner = row.comparison.partition(": ")
    leaf["is"] = each
    if each in WITHOUT_VALUE:
        return leaf
    kind = kind_of(row, kinds)
    if row.other:
        other, _space, name = row.other.partition(" ")
        value: Any = {other: name}
    elif each in LISTS and not inner:
        value = [_literal(part.strip(), kind) for part in row.value.split(",") if part.strip()]
    else:
        value = _literal(row.value.strip(), kind)
    if value in ("", []):
        raise ValueError(_("Say what it is compared with."))
    leaf["value"] = {"is": inner, "value": value} if inner else value
    return leaf


def _literal(text: str, kind: str) -> Any:
    if kind == "yes_no" and text.lower() in _YES_NO:
        return _YES_NO[text.lower()]
    if kind in ("number", "money", "duration", "list", "") and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def _then(choices: Choices, problems: Problems) -> Record:
    said = choices.texts
    if choices.effect == "forbid":
        return _forbid(said, problems)
    if choices.effect == "standing_approval":
        return _standing(said, problems)
    if choices.effect == "stages":
        then = staging.written(choices.stages, said.get("order", ""), said.get("exclusive", ""), problems)
    else:
        names = ("ask", "people", "calendar", "pass_to")
        lengths = {name: choices.lengths.get(name, NO_LENGTH) for name in LENGTHS}
        then = staging.write(Stage(**{name: said.get(name, "") for name in names}, **lengths), problems)  # type: ignore[arg-type]
    return then | _together(said, problems) | _unknown(said)


def _together(said: Mapping[str, str], problems: Problems) -> Record:
    total = said.get("together", "").strip()
    if total and not _NUMBER.fullmatch(total):
        problems.append(("together", _("Write a number.")))
    return {"together": {"total": _literal(total, "money")}} if total else {}


def _forbid(said: Mapping[str, str], problems: Problems) -> Record:
    english, chinese = said.get("forbid_en", "").strip(), said.get("forbid_zh", "").strip()
    if not english:
        problems.append(("forbid_en", _("Say why it is forbidden.")))
    return {"forbid": {"en": english, "zh-hant": chinese} if chinese else english} | _unknown(said)


def _unknown(said: Mapping[str, str]) -> Record:
    return {"if_unknown": {"ask": said["unknown_ask"]}} if said.get("unknown_ask") else {}


def _standing(said: Mapping[str, str], problems: Problems) -> Record:
    caps: Record = {"by": said.get("by", "").strip()}
    for key in ("by", "until"):
        if not said.get(key, "").strip():
            problems.append((key, _("Needed for a standing approval.")))
    for key in CAPS:
        text = said.get(key, "").strip()
        if text and key == "per_day":
            caps[key] = counted(text, key, problems)
        elif text and _NUMBER.fullmatch(text):
            caps[key] = _literal(text, "money")
        elif text:
            problems.append((key, _("Write a number.")))
    return {"standing_approval": caps | {"until": said.get("until", "").strip()}}


# --- what a form sent ---


def sent(data: Mapping[str, Any], listed: Mapping[str, Iterable[str]]) -> Choices:
    """The choices as a form sent them. `listed`: what it sent for `types` and `operations`."""

    def text(name: str) -> str:
        return str(data.get(f"s_{name}") or "").strip()

    count = text("rows")
    rows = min(int(count), MOST_ROWS) if re.fullmatch(r"[0-9]{1,3}", count) else 0
    return Choices(
        types=tuple(listed.get("types", ())),
        operations=tuple(listed.get("operations", ())),
        rows=tuple(
            Row(
                "any" if text(f"{n}_group") == "any" else "all",
                text(f"{n}_left"),
                text(f"{n}_inside"),
                text(f"{n}_is") or "is",
                text(f"{n}_value"),
                text(f"{n}_other"),
            )
            for n in range(rows)
        ),
        effect=text("effect") or "ask",
        texts={name: text(name) for name in TEXTS},
        lengths={name: (text(name), text(f"{name}_unit") or "h") for name in LENGTHS},
        stages=staging.sent(text),
    )
