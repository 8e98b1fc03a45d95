"""What the API answers: JSON Schemas of the answers, named as they stand in the OpenAPI document.

`present/` builds them; `tests/api/test_schema.py` holds the two together.
"""

from typing import Any, Final

from agents.models import Proposal, Write
from cases.models import Case

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string"}
WHOLE: Final[Json] = {"type": "integer"}
FLAG: Final[Json] = {"type": "boolean"}
ANY: Final[Json] = {}
AT: Final[Json] = {"type": "string", "format": "date-time"}
FREE: Final[Json] = {"type": "object", "additionalProperties": True}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(kind: Json) -> Json:
    return {"oneOf": [kind, {"type": "null"}]} if "$ref" in kind else kind | {"type": [kind["type"], "null"]}


def many(kind: Json) -> Json:
    return {"type": "array", "items": kind}


def record(**properties: Json) -> Json:
    """An object that always has these keys. A key `from_` stands for `from`."""
    named = {key.rstrip("_"): value for key, value in properties.items()}
    return {"type": "object", "properties": named, "required": list(named)}


def page_of(name: str) -> Json:
    return record(results=many(ref(name)), next=maybe(TEXT), previous=maybe(TEXT))


CODES: Final = [
    "unauthenticated",
    "no_right",
    "too_large",
    "unavailable",
    "refused",
    "forbidden",
    "not_open",
    "wrong_state",
    "turn_passed",
    "changed",
    "already_decided",
    "reason_required",
    "key_reused",
    "in_progress",
    "invalid",
    "not_found",
    "throttled",
]
_RULE = record(name=TEXT, version=WHOLE, sentence=TEXT, compared=many(FREE), result=TEXT)
_WRITE = record(
    id=TEXT,
    name=TEXT,
    operation=TEXT,
    arguments=FREE,
    money=maybe(ref("Money")),
    state={"type": "string", "enum": list(Write.State.values)},
    reference=TEXT,
    result=ANY,
    error=TEXT,
)
_OPTION = record(name=TEXT, title=TEXT, suggested=FLAG, allowed=FLAG, why=TEXT, draft=TEXT, writes=many(ref("Write")))

COMPONENTS: Final[dict[str, Json]] = {
    "Error": record(code={"type": "string", "enum": CODES}, message=TEXT, detail=FREE),
    "Money": record(amount={"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"}, currency=TEXT),
    "Received": record(case=TEXT, status=TEXT, url=TEXT, told=TEXT),
    "Closed": {"anyOf": [ref("Case"), ref("Received")]},
    "Holder": record(kind={"type": "string", "enum": ["ai", "person", "team"]}, name=TEXT),
    "Fact": record(title=TEXT, kind=TEXT, value=ANY, known=FLAG, source=TEXT, at=maybe(AT)),
    "Step": record(
        name=TEXT,
        agent=maybe(TEXT),
        team=maybe(TEXT),
        state={"type": "string", "enum": ["waiting", "open", "done", "handed_over", "skipped"]},
    ),
    "Message": record(
        id=WHOLE,
        direction={"type": "string", "enum": ["in", "out", "note"]},
        author=TEXT,
        text=TEXT,
        by_ai=FLAG,
        private=FLAG,
        at=AT,
    ),
    "CaseLine": record(
        number=TEXT,
        type=maybe(TEXT),
        subject=TEXT,
        confidence=maybe({"type": "number"}),
        status={"type": "string", "enum": list(Case.Status.values)},
        holder=ref("Holder"),
        turn=WHOLE,
        due=record(first_reply=maybe(AT), finish=maybe(AT), late=FLAG),
        outcome=TEXT,
        created_at=AT,
        updated_at=AT,
        url=TEXT,
    ),
    "Case": {
        "allOf": [
            ref("CaseLine"),
            record(
                facts={"type": "object", "additionalProperties": ref("Fact")},
                steps=many(ref("Step")),
                proposals=many(ref("ProposalLine")),
                approvals=many(ref("ApprovalLine")),
                messages=many(ref("Message")),
                source=TEXT,
                channel=TEXT,
                lacked=many(ANY),
                promised=TEXT,
            ),
        ]
    },
    "ProposalLine": record(
        id=TEXT, step=TEXT, state={"type": "string", "enum": list(Proposal.State.values)}, created_at=AT
    ),
    "ApprovalLine": record(id=TEXT, proposal=TEXT, state=TEXT, due=maybe(AT)),
    "Event": record(seq=WHOLE, at=AT, code=TEXT, actor=TEXT, kind=TEXT, sentence=TEXT, detail=maybe(FREE), hash=TEXT),
    "Run": record(
        id=WHOLE,
        case=TEXT,
        type=maybe(TEXT),
        step=TEXT,
        does=TEXT,
        agent=TEXT,
        turn=WHOLE,
        state=TEXT,
        started_at=AT,
        operations=many(TEXT),
    ),
    "StepAnswer": record(case=TEXT, status=TEXT, turn=WHOLE, steps=many(ref("Step"))),
    "CallAnswer": record(
        status={
            "type": "string",
            "enum": [
                "done",
                "failed",
                "differs",
                "unknown",
                "rejected",
                "withdrawn",
                "expired",
                "waiting",
                "held",
                "permitted",
            ],
        },
        result=ANY,
        error=TEXT,
        proposal=maybe(TEXT),
        approvals=many(TEXT),
    ),
    "Write": _WRITE,
    "Option": _OPTION,
    "Rule": _RULE,
    "Proposal": record(
        id=TEXT,
        case=TEXT,
        step=TEXT,
        turn=WHOLE,
        proposer=TEXT,
        why=TEXT,
        state={"type": "string", "enum": list(Proposal.State.values)},
        options=many(ref("Option")),
        suggested=TEXT,
        chosen=TEXT,
        proposed=many(FREE),
        decided=many(FREE),
        carried_out=many(FREE),
        rules=many(ref("Rule")),
        evidence=many(FREE),
        risk=TEXT,
        fingerprint=TEXT,
        approvals=many(TEXT),
        created_at=AT,
        ended_at=maybe(AT),
    ),
    "Approval": record(
        id=TEXT,
        case=TEXT,
        proposal=TEXT,
        turn=WHOLE,
        state={"type": "string", "enum": ["waiting", "decided", "withdrawn"]},
        title=TEXT,
        risk=TEXT,
        fingerprint=TEXT,
        evidence_digest=TEXT,
        first_answer=maybe(record(by=TEXT, option=TEXT)),
        options=many(ref("Option")),
        rules=many(ref("Rule")),
        reasons=many(TEXT),
        people=WHOLE,
        due=maybe(AT),
        asked=many(record(team=TEXT, people=WHOLE)),
        decided_by=many(TEXT),
        decided_option=TEXT,
        decided_at=maybe(AT),
        undo_until=maybe(AT),
        created_at=AT,
        url=TEXT,
    ),
    "StandingApproval": record(
        id=WHOLE,
        rule=TEXT,
        version=WHOLE,
        sentence=TEXT,
        by=TEXT,
        limits=FREE,
        in_force=FLAG,
        confirmed_by=TEXT,
        confirmed_at=maybe(AT),
        paused_by=TEXT,
        paused_at=maybe(AT),
        withdrawn_at=maybe(AT),
    ),
    "Map": FREE,
    "MapCheck": record(ok=FLAG, problems=many(record(code=TEXT, what=TEXT, name=TEXT, text=TEXT))),
    "Summary": record(
        from_=TEXT,
        to=TEXT,
        type=maybe(TEXT),
        received=WHOLE,
        finished=WHOLE,
        finished_automatically=WHOLE,
        to_supervisor=WHOLE,
        refunds=record(count=WHOLE, money=ref("Money")),
        lacked_data=record(count=WHOLE, facts=many(record(fact=TEXT, count=WHOLE))),
        late=WHOLE,
        by_status={"type": "object", "additionalProperties": WHOLE},
        by_type={"type": "object", "additionalProperties": WHOLE},
    ),
    "Audit": record(
        case=TEXT,
        status=TEXT,
        source=FREE,
        data=many(FREE),
        agents=many(FREE),
        rules=many(FREE),
        approvals=many(FREE),
        writes=many(FREE),
        problems=many(FREE),
        chain=ref("Verified"),
    ),
    "Verified": record(holds=FLAG, events=WHOLE, chains=WHOLE, erased=WHOLE, first_broken=maybe(TEXT), checked_at=AT),
    "Cases": page_of("CaseLine"),
    "Timeline": page_of("Event"),
    "Runs": page_of("Run"),
    "Approvals": page_of("Approval"),
    "StandingApprovals": page_of("StandingApproval"),
}
