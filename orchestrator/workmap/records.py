"""A map as records: each with a kind and a name, in a normal form in which equal records are equal. Pure.

The normal form leaves out what is at its default, so that a record means the same however it was written.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from cases.calendars import duration
from orchestrator.workmap import schema
from orchestrator.workmap.problems import Path, Report, cut

Record = dict[str, Any]
Key = tuple[str, str]
"""What it is (`operation`) and its name; grants are named by `name_grants`."""
Records = dict[Key, Record]

SECTIONS = {
    "company": "company",
    "calendar": "calendars",
    "team": "teams",
    "system": "systems",
    "operation": "operations",
    "agent": "agents",
    "grant": "grants",
    "request_type": "request_types",
    "rule": "rules",
}
ORDER = {what: place for place, what in enumerate(SECTIONS)}
NAMED_LISTS = {"facts", "steps", "templates"}
NO_ARGUMENTS: Record = {"type": "object", "additionalProperties": False}

DEFAULTS: dict[str, Record] = {
    "company": {
        "currency": "HKD",
        "time_zone": "Asia/Hong_Kong",
        "languages": ["en"],
        "hold": "30s",
        "step_up_lasts": "5m",
    },
    "calendar": {"title": "", "holidays": ""},
    "team": {"title": "", "step_up": False},
    "system": {
        "title": "",
        "url": "",
        "auth": {},
        "private_network": False,
        "timeout": "10s",
        "answer": {},
        "page": "",
    },
    "operation": {
        "title": "",
        "level": "controlled",
        "kind": "write",
        "arguments": NO_ARGUMENTS,
        "call": {},
        "keep": {},
        "currency": "",
        "effect_key": "none",
        "version": {},
        "read_back": {},
        "undo": {},
        "editable": [],
        "secret": [],
        "masked": [],
        "shows": {},
        "page": "",
        "risk": "medium",
        "suspended": "",
    },
    "agent": {"title": "", "purpose": "", "brain": {"kind": "procedure"}, "limits": {}, "active": True},
    "grant": {"types": [], "steps": [], "limits": {}},
    "request_type": {
        "title": "",
        "risk": "medium",
        "confidential": False,
        "suggestion_after_choice": False,
        "examples": [],
        "phrases": [],
        "facts": [],
        "tables": {},
        "customer": "",
        "routes": [],
        "due": {},
        "steps": [],
        "templates": [],
        "reasons": [],
    },
    "rule": {"title": "", "when": {}, "active": True},
    "facts": {"title": "", "kind": "text", "required": False, "from": []},
    "steps": {"after": [], "when": {}, "does": "", "procedure": [], "on_failure": "hand_over"},
    "templates": {},
    "fallback": {"steps": [], "record_in": []},
    "sources": {"all": False, "arguments": {}},
}
LENGTHS = {("company", "hold"), ("company", "step_up_lasts"), ("system", "timeout"), ("operation", "hold")}


def title_of(what: str) -> str:
    """The word a person reads for a kind of record: `request type`."""
    return {
        "company": _("company"),
        "calendar": _("calendar"),
        "team": _("team"),
        "system": _("system"),
        "operation": _("operation"),
        "agent": _("agent"),
        "grant": _("grant"),
        "request_type": _("request type"),
        "rule": _("rule"),
        "fact": _("fact"),
        "step": _("step"),
        "template": _("template"),
    }[what]


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 300 is 300.0, but 1 is not true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def normal(what: str, record: Mapping[str, Any]) -> Record:
    """The record in its normal form: defaults left out, lengths of time that are stored as seconds written
    alike, a fact's sources always a list."""
    short = _without_defaults(what, record)
    for kind, key in LENGTHS:
        if kind == what and key in short:
            short[key] = length(duration(short[key]).clock_seconds)
    short = _without_defaults(what, short)
    if what == "operation" and "high_above" in short:
        short["high_above"] = plain_number(short["high_above"])
    if what == "request_type":
        if "facts" in short:
            short["facts"] = [_normal_fact(fact) for fact in short["facts"]]
        if "steps" in short:
            short["steps"] = [_without_defaults("steps", step) for step in short["steps"]]
        if "templates" in short:  # their order says nothing
            short["templates"] = sorted(short["templates"], key=lambda template: str(template["name"]))
        if "fallback" in short:
            short["fallback"] = _normal_card(short["fallback"])
    if what == "company":
        _without_empty(short)
    return short


def _normal_fact(fact: Mapping[str, Any]) -> Record:
    sources = fact.get("from", [])
    listed = sources if isinstance(sources, list) else [sources]
    return _without_defaults("facts", {**fact, "from": [_without_defaults("sources", one) for one in listed]})


def _normal_card(card: Mapping[str, Any]) -> Record:
    short = _without_defaults("fallback", card)
    return {**short, "record_in": sorted(set(short["record_in"]))} if "record_in" in short else short


def _without_empty(company: Record) -> None:
    for key, inner in (("customer", "arguments"), ("reply", "with")):
        if company.get(key, {}).get(inner) == {}:
            company[key] = {k: v for k, v in company[key].items() if k != inner}


def _without_defaults(what: str, record: Mapping[str, Any]) -> Record:
    defaults = DEFAULTS[what]
    return {key: value for key, value in record.items() if not (key in defaults and same(value, defaults[key]))}


def length(seconds: float) -> str:
    """Seconds as a map writes them: `90s`, `5m`."""
    whole = int(seconds)
    return f"{whole // 60}m" if whole and whole % 60 == 0 else f"{whole}s"


def plain_number(value: Any) -> int | float:
    """A number without a fraction that says nothing: 2000.00 is 2000."""
    return int(value) if value == int(value) else float(value)


def split(read: Mapping[str, Any], report: Report) -> tuple[Records, dict[Key, Path], list[Record]]:
    """The named records of a map, where each stands, and its grants, which have no names of their own.

    Adds names that are said twice to the report. Records keep the form they were written in.
    """
    records: Records = {}
    places: dict[Key, Path] = {}
    for what, section in SECTIONS.items():
        said = read.get(section)
        if what == "company" and isinstance(said, dict):
            records[what, ""], places[what, ""] = said, (section,)
        if what in ("company", "grant") or not isinstance(said, list):
            continue
        for index, record in enumerate(said):
            if not isinstance(record, dict) or not isinstance(record.get("name"), str):
                continue
            key = (what, record["name"])
            if key in records:
                words = _("%(what)s `%(name)s` is said twice") % {"what": title_of(what), "name": cut(key[1])}
                report.add((section, index, "name"), words)
            else:
                records[key], places[key] = record, (section, index)
    grants = read.get("grants")
    return (
        records,
        places,
        [one for one in grants if isinstance(one, dict)] if isinstance(grants, list) else [],
    )


def assemble(records: Mapping[Key, Record]) -> Record:
    """A map with these records, sections and keys in the order of the contract."""
    whole: Record = {"work_command_map": schema.VERSION}
    for what, section in SECTIONS.items():
        found = [record for (kind, _name), record in records.items() if kind == what]
        if what == "company" and found:
            whole[section] = found[0]
        elif found:
            whole[section] = found
    return whole


def name_of_grant(agent: str, operation: str, number: int) -> str:
    return f"{agent} {operation}" + (f" #{number}" if number > 1 else "")


def name_grants(said: Iterable[Record], live: Mapping[Key, Record], taken: Mapping[tuple[str, str], int]) -> list[str]:
    """Names for the grants of a map: those of the live grants they stand for, else new ones.

    A grant has no name in the map. It stands for the live grant of the same agent, operation, types and steps;
    what is left is matched in order. `taken` counts the grants of an agent and operation there ever were.
    """
    said = list(said)
    names: list[str] = [""] * len(said)
    free: dict[tuple[str, str], list[str]] = {}
    for (what, name), record in live.items():
        if what == "grant":
            free.setdefault((record["agent"], record["operation"]), []).append(name)
    for exact in (True, False):
        for index, grant in enumerate(said):
            open_names = free.get(_pair(grant), [])
            fits = [n for n in open_names if not exact or _scope(live["grant", n]) == _scope(grant)]
            if not names[index] and fits:
                names[index] = fits[0]
                open_names.remove(fits[0])
    count = dict(taken)
    for index, grant in enumerate(said):
        if not names[index]:
            pair = _pair(grant)
            count[pair] = count.get(pair, 0) + 1
            names[index] = name_of_grant(*pair, count[pair])
    return names


def _pair(grant: Record) -> tuple[str, str]:
    return str(grant.get("agent")), str(grant.get("operation"))


def _scope(grant: Record) -> tuple[list[str], list[str]]:
    return sorted(map(str, grant.get("types") or [])), sorted(map(str, grant.get("steps") or []))
