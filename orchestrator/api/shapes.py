"""What programs may send: JSON Schemas of bodies, query options and path parts. Enforced and published
alike.

A schema here is the check itself (`checking.py`) and the document (`openapi.py`); there is no second
description.
"""

from typing import Any, Final

from cases.models import Case

Json = dict[str, Any]

# What PostgreSQL cannot hold is refused when the body is read; the pattern says so in the document.
_STORABLE = r"^[^\u0000]*$"
_NOT_EMPTY = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
NAME: Final = r"^[^\u0000\s]+$"
MOST_TEXT: Final = 100_000  # characters of one message
MOST_WAIT: Final = 60  # seconds


def text(most: int, *, least: int = 0) -> Json:
    """Text of at most `most` characters; with `least`, more than white space."""
    kind: Json = {"type": "string", "maxLength": most, "pattern": _NOT_EMPTY if least else _STORABLE}
    return kind | ({"minLength": least} if least else {})


def whole(least: int, most: int) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


def choice(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


def strict(required: list[str], **properties: Json) -> Json:
    """An object with these keys and no others. A key `from_` stands for `from`."""
    named = {key.rstrip("_"): value for key, value in properties.items()}
    return {"type": "object", "additionalProperties": False, "properties": named, "required": required}


def _free(most: int) -> Json:
    """Any object; its keys belong to the map (a form, the arguments of an operation)."""
    return {"type": "object", "maxProperties": most}


_TURN = whole(1, 2_147_483_647)
_SENDER = strict([], name=text(200), contact=text(254), customer=text(200))
NOTHING: Final = strict([])

REQUEST: Final = strict(
    ["source", "channel", "text"],
    source=choice(*Case.Source.values),
    channel=choice(*Case.Channel.values),
    from_=_SENDER,
    subject=text(300),
    text=text(MOST_TEXT, least=1),
    type=text(120),
    form=_free(200),
    operations={"type": "array", "items": text(140, least=1), "maxItems": 200},
    external_id=text(200),
)
SORT: Final = strict(["type"], type=text(120, least=1))
MESSAGE: Final = strict(
    ["text"], text=text(MOST_TEXT, least=1), private={"type": "boolean"}, from_=_SENDER, external_id=text(200)
)
HAND_BACK: Final = strict([], may=choice("draft", "continue", "watch"), promised=text(2_000))
CLOSE: Final = strict(["outcome"], outcome=text(60, least=1))
FINISH: Final = strict(
    ["turn", "result"],
    turn=_TURN,
    result=strict(
        [],
        values=_free(200),
        note=text(10_000),
        missing={"type": "array", "items": text(120, least=1), "maxItems": 100},
        confidence={"type": "number", "minimum": 0, "maximum": 1},
    ),
)
HAND_OVER: Final = strict(["summary", "turn"], summary=text(10_000, least=1), turn=_TURN)
CALL: Final = strict(
    ["operation", "arguments", "turn"],
    operation=text(140, least=1),
    arguments=_free(500),
    turn=_TURN,
    why=text(2_000),
)
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$", "examples": ["0123456789abcdef" * 4]}
DECISION: Final = strict(
    ["fingerprint", "option"],
    fingerprint=_DIGEST,
    evidence_digest=_DIGEST,
    option=text(120, least=1),
    edits={"type": "object", "maxProperties": 100, "additionalProperties": _free(100)},
    reason=text(2_000),
    reason_code=text(200),
    confirmed={
        "type": ["object", "array"],
        "maxProperties": 100,
        "additionalProperties": text(MOST_TEXT),
        "maxItems": 100,
        "items": text(250, least=1),
        "description": "`WRITE.SLOT` of each thing that must be confirmed, where an operation asks for that, with the "
        "text that stood there or its digest. A list of the names alone confirms only what nobody saw otherwise since.",
    },
)
CONFIRM: Final = strict([], version=whole(1, 2_147_483_647))


def options(**properties: Json) -> Json:
    """Query options: these and no others, each at most once."""
    return strict([], **properties)


_CURSOR = {"type": "string", "maxLength": 300, "pattern": r"^[A-Za-z0-9_.:+-]*$"}
_LIMIT = whole(1, 200) | {"default": 50}
_WAIT = whole(0, MOST_WAIT) | {
    "default": 0,
    "description": "Seconds to wait for a newer state before answering.",
}
_DAY = {
    "type": "string",
    "format": "date",
    "pattern": r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    "examples": ["2026-11-30"],
}

LIST: Final = options(cursor=_CURSOR, limit=_LIMIT)
WAIT: Final = options(wait=_WAIT)
CASES: Final = options(
    type=text(120),
    status=choice(*Case.Status.values),
    holder=choice("ai", "person", "team", "me") | {"description": "`me`: held by the person of this token."},
    team=text(120),
    q=text(200) | {"description": "Words of the request, a requester's name or contact, or a case number."},
    due=choice("late", "today", "week") | {"description": "Open cases by when they must be finished."},
    cursor=_CURSOR,
    limit=_LIMIT,
)
TIMELINE: Final = options(cursor=_CURSOR, limit=whole(1, 500) | {"default": 100})
RUNS: Final = options(open=choice("1", "0"), cursor=_CURSOR, limit=_LIMIT)
APPROVALS: Final = options(
    waiting_for=choice("me"),
    case={"type": "string", "pattern": r"^C-[1-9][0-9]{0,17}$", "examples": ["C-1042"]},
    proposal={
        "type": "string",
        "format": "uuid",
        "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        "examples": ["aa6030b2-4fe8-47f5-9621-1c25eda8b000"],
    },
    state=choice("waiting", "decided", "withdrawn"),
    cursor=_CURSOR,
    limit=_LIMIT,
)
SUMMARY: Final = options(**{"from": _DAY, "to": _DAY, "type": text(120)})
