"""The grammar of the map file: every key of contracts.md, section 1, with the shape of its value. Pure data.

What a key must refer to is checked in `checking/`; here only what it may look like.
"""

import re

from django.utils.translation import gettext_noop as _

from agents.schemas import OPERATION_NAME
from orchestrator.workmap.shapes import (
    WORD,
    Anything,
    ByType,
    Choice,
    Day,
    Flag,
    Kinds,
    Later,
    Length,
    Many,
    Number,
    OneOrMany,
    Pattern,
    Record,
    Shape,
    Table,
    Text,
    Words,
)
from orchestrator.workmap.variant_shapes import Shows

VERSION = 1

word = Pattern(WORD, _("a name of letters, digits and `_`, as formulas can use it"))
plain = Pattern(re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,119}\Z"), _("a name of letters, digits, `-` and `_`"))
# An operation is named SYSTEM.OPERATION in small letters (agents/schemas.py refuses any other name in a call).
system_name = Pattern(re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z"), _("a name of small letters, digits, `-` and `_`"))
operation_name = Pattern(
    re.compile(rf"(?:{OPERATION_NAME.pattern})\Z"), _("a name in small letters such as SYSTEM.OPERATION")
)
currency = Pattern(re.compile(r"[A-Z]{3}\Z"), _("a currency of three capital letters, such as HKD"))
path = Text(300)
formula = Text(2000)
arguments = Table(Anything())
hold = Length(0, 300)
risk = Choice(("low", "medium", "high"))

condition: Shape = Record(
    _("a condition"),
    {
        "fact": path,
        "argument": path,
        "formula": formula,
        "is": Text(20),
        "value": Anything(),
        "all": Many(Later(lambda: condition)),
        "any": Many(Later(lambda: condition)),
        "not": Later(lambda: condition),
    },
)
conditions = {"all": Many(condition), "any": Many(condition), "not": condition}
group = Record(_("a condition"), conditions)

company = Record(
    _("the company"),
    {
        "name": Text(200),
        "currency": currency,
        "time_zone": Text(60),
        "languages": Many(Choice(("en", "zh-hant")), least=1),
        "hold": hold,
        "step_up": risk,
        "step_up_lasts": Length(30, 3600),
        "customer": Record(
            _("a customer look-up"),
            {"look_up": operation_name, "arguments": arguments, "path": Text(120)},
            ("look_up", "path"),
        ),
        "reply": Record(_("a reply"), {"operation": operation_name, "with": arguments}, ("operation",)),
    },
    ("name",),
)
calendar = Record(
    _("a calendar"),
    {"name": plain, "title": Words(), "hours": Table(Text()), "holidays": Text(20)},
    ("name", "hours"),
)
team = Record(_("a team"), {"name": plain, "title": Words(), "escalates_to": plain, "step_up": Flag()}, ("name",))
system = Record(
    _("a system"),
    {
        "name": system_name,
        "title": Words(),
        "connector": Text(20),
        "url": Text(500),
        "auth": Table(Anything()),
        "owner": plain,
        "private_network": Flag(),
        "timeout": Length(1, 120),
        "answer": Record(_("the answer of a system"), {"result": path, "error": path, "parse": Choice(("json",))}),
        "page": Text(500),
    },
    ("name", "connector"),
)
operation = Record(
    _("an operation"),
    {
        "name": operation_name,
        "title": Words(),
        "level": Choice(("reference", "case", "internal", "controlled")),
        "kind": Choice(("read", "write")),
        "arguments": Table(Anything()),
        "call": Table(Anything()),
        "case_key": ByType(
            Choice(("none",)),
            Table(
                ByType(
                    path,
                    Record(
                        _("a look-up of the case key"),
                        {"look_up": operation_name, "path": path, "is": path},
                        ("look_up", "path", "is"),
                    ),
                )
            ),
        ),
        "keep": Record(_("a filter"), {"items": path, "where": Table(path)}, ("where",)),
        "money": ByType(path, Record(_("money"), {"fact": path}, ("fact",))),
        "currency": Text(60),
        "effect_key": ByType(
            Choice(("none",)),
            Kinds(
                _("an effect key"),
                {
                    "header": Record(_("an effect key"), {"header": Text(100)}),
                    "argument": Record(_("an effect key"), {"argument": Text(100)}),
                    "look_up": Record(_("an effect key"), {"look_up": operation_name}),
                },
            ),
        ),
        "version": Record(_("a version of the record"), {"read": operation_name, "path": path}, ("read",)),
        "read_back": Record(
            _("a read-back"),
            {"read": operation_name, "arguments": arguments, "expect": Table(Anything())},
            ("read",),
        ),
        "undo": Record(
            _("an undo"),
            {"operation": operation_name, "arguments": arguments, "within": Length(1), "note": Words()},
            ("operation",),
        ),
        "editable": Many(Text(100)),
        "secret": Many(Text(100)),
        "masked": Many(Text(100)),
        "shows": Shows(),
        "page": Text(500),
        "risk": risk,
        "high_above": Number(places=2),
        "hold": hold,
        "suspended": Text(200),
    },
    ("name",),
)
agent = Record(
    _("an agent"),
    {
        "name": plain,
        "title": Words(),
        "purpose": Text(2000),
        "owner": plain,
        "brain": Record(
            _("a brain"),
            {
                "kind": Choice(("procedure", "model", "outside")),
                "model": Text(200),
                "instructions": Text(20_000),
                "settings": Table(Anything()),
                "fall_back": Choice(("procedure",)),
            },
            ("kind",),
        ),
        "limits": Record(
            _("the limits of an agent"),
            {
                "calls_per_run": Number(1, 10_000, whole=True),
                "seconds_per_run": Number(1, 86_400, whole=True),
                "tokens_per_run": Number(1, 100_000_000, whole=True),
                "cost_per_day": Number(),
            },
        ),
        "active": Flag(),
    },
    ("name",),
)
grant = Record(
    _("a grant"),
    {
        "agent": plain,
        "operation": operation_name,
        "reason": Text(300),
        "since": Day(),
        "until": Day(),
        "types": Many(plain, least=1),
        "steps": Many(plain, least=1),
        "fields": Many(path),
        "limits": Record(
            _("the limits of a grant"),
            {
                "per_case": Number(0, 1_000_000, whole=True),
                "per_day": Number(0, 1_000_000, whole=True),
                "amount_per_day": Number(),
            },
        ),
    },
    ("agent", "operation", "reason", "until"),
)

history_same = Pattern(
    re.compile(r"(customer|case|agent|argument\.[A-Za-z_][A-Za-z0-9_.]*)\Z"),
    "customer, case, agent or argument.NAME",
)
source = Kinds(
    _("a source of a fact"),
    {
        "form": Record(_("a form source"), {"form": Text(120)}),
        "message": Record(
            _("a message source"),
            {
                "message": Text(500),
                "owner": Record(
                    _("an owner check"),
                    {"read": operation_name, "arguments": arguments, "path": path},
                    ("read", "path"),
                ),
                "all": Flag(),
            },
        ),
        "look_up": Record(
            _("a look-up"),
            {"look_up": operation_name, "arguments": arguments, "for_each": path, "path": path},
        ),
        "formula": Record(_("a formula source"), {"formula": formula}),
        "history": Record(
            _("a history source"),
            {
                "history": Record(
                    _("a history"),
                    {
                        "count": OneOrMany(operation_name),
                        "sum": OneOrMany(operation_name),
                        "last": OneOrMany(operation_name),
                        "of": Text(120),
                        "same": Many(history_same),
                        "days": Number(1, 3660, whole=True),
                        "since": Choice(("month",)),
                    },
                )
            },
        ),
        "match": Record(_("a match source"), {"match": Text(500), "in": Text(2000), "all": Flag()}, ("in",)),
    },
)
fact = Record(
    _("a fact"),
    {
        "name": word,
        "title": Words(),
        "kind": Choice(("text", "number", "money", "date", "time", "duration", "yes_no", "list", "record")),
        "required": Flag(),
        "from": OneOrMany(source),
    },
    ("name",),
)
write = Record(
    _("a write of an option"), {"name": plain, "operation": operation_name, "with": arguments}, ("operation",)
)
instruction = Kinds(
    _("an instruction of a procedure"),
    {
        "read": Record(_("a read"), {"read": operation_name, "with": arguments, "as": word}),
        "work_out": Record(_("a value that is worked out"), {"work_out": word, "formula": formula}, ("formula",)),
        "missing": Record(_("a question for missing facts"), {"missing": Many(word, least=1), "ask": plain}, ("ask",)),
        "option": Record(
            _("an option"),
            {
                "option": plain,
                "title": Words(),
                "when": formula,
                "suggest_when": formula,
                "writes": Many(write),
            },
        ),
        "write": Record(_("a write"), {"write": operation_name, "with": arguments, "as": word}),
        "draft": Record(_("a draft"), {"draft": plain}),
        "propose": Record(_("a proposal"), {"propose": Many(plain, least=1)}),
    },
)
step = Record(
    _("a step"),
    {
        "name": plain,
        "agent": plain,
        "team": plain,
        "after": Many(plain),
        "when": group,
        "does": Words(),
        "operations": Many(operation_name),
        "procedure": Many(instruction),
        "on_failure": Choice(("hand_over", "skip")),
    },
    ("name",),
)
card = Record(
    _("a fallback card"),
    {
        "steps": Many(
            Record(
                _("a line of a fallback card"),
                {"title": Words(), "system": plain, "look_for": Words()},
                ("title",),
            )
        ),
        "template": plain,
        "approver": plain,
        "record_in": Many(plain),
    },
)
request_type = Record(
    _("a request type"),
    {
        "name": plain,
        "title": Words(),
        "team": plain,
        "lead": plain,
        "risk": risk,
        "confidential": Flag(),
        "suggestion_after_choice": Flag(),
        "examples": Many(Text(2000)),
        "phrases": Many(Text(200)),
        "facts": Many(fact),
        "tables": Table(Anything(), names=word),
        "customer": word,
        "routes": Many(Record(_("a route"), {"when": group, "to": plain}, ("when", "to"))),
        "due": Record(_("due times"), {"first_reply": Length(1), "finish": Length(1), "calendar": plain}),
        "steps": Many(step),
        "fallback": card,
        "templates": Many(
            Record(_("a template"), {"name": plain, "en": Text(20_000), "zh-hant": Text(20_000)}, ("name",))
        ),
        "reasons": Many(Words(200)),
    },
    ("name", "team", "lead"),
)

if_nobody = Record(_("what happens if nobody answers"), {"pass_to": plain, "within": Length(1), "calendar": plain})
ask: dict[str, Shape] = {
    "ask": plain,
    "people": Number(1, 20, whole=True),
    "within": Length(1),
    "calendar": plain,
    "if_nobody": if_nobody,
}
then = Record(
    _("what a rule does"),
    {
        **ask,
        "stages": Many(Record(_("a stage"), ask, ("ask",)), least=1),
        "order": Choice(("one_after_the_other", "at_once")),
        "exclusive": Flag(),
        "together": Record(_("what may be decided together"), {"total": Number(places=2)}, ("total",)),
        "forbid": Words(600),
        "if_unknown": Record(_("what a rule does when it is unknown"), ask, ("ask",)),
        "standing_approval": Record(
            _("a standing approval"),
            {
                "by": Text(150),
                "up_to": Number(),
                "per_day": Number(0, 1_000_000, whole=True),
                "total_per_day": Number(),
                "total": Number(),
                "until": Day(),
            },
            ("by", "until"),
        ),
    },
)
rule = Record(
    _("a rule"),
    {
        "name": plain,
        "title": Words(),
        "when": Record(
            _("when a rule applies"),
            {"types": Many(plain, least=1), "operations": Many(operation_name, least=1), **conditions},
        ),
        "then": then,
        "active": Flag(),
    },
    ("name", "then"),
)

SHAPES: dict[str, Shape] = {
    "company": company,
    "calendar": calendar,
    "team": team,
    "system": system,
    "operation": operation,
    "agent": agent,
    "grant": grant,
    "request_type": request_type,
    "rule": rule,
}
MAP = Record(
    _("a map"),
    {
        "work_command_map": Number(1, VERSION, whole=True),
        "company": company,
        "calendars": Many(calendar),
        "teams": Many(team),
        "systems": Many(system),
        "operations": Many(operation),
        "agents": Many(agent),
        "grants": Many(grant),
        "request_types": Many(request_type),
        "rules": Many(rule),
    },
    ("work_command_map",),
)
