"""JSON schemas: what request bodies are made of, and the shapes of the answers for the OpenAPI document."""

from __future__ import annotations

from orchestrator.demo.company.calls import Record

TEXT: Record = {"type": "string", "minLength": 1, "maxLength": 4000}
SHORT: Record = {"type": "string", "minLength": 1, "maxLength": 200}
WHOLE: Record = {"type": "integer", "minimum": 1, "maximum": 3650}
AMOUNT: Record = {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000}
LIMIT: Record = {"type": "integer", "minimum": 1, "maximum": 200}
TICKET_STATES = ["open", "waiting", "solved", "cancelled"]
TICKET_TEAMS = ["support", "support-managers", "finance", "logistics", "courier"]
PRIORITIES = ["low", "normal", "high"]


def body(required: dict[str, Record], **optional: Record) -> Record:
    """A strict object: these keys, no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **optional},
    }


def _record(**fields: str) -> Record:
    kinds: dict[str, Record] = {
        "text": {"type": "string"},
        "day": {"type": ["string", "null"], "format": "date"},
        "time": {"type": "string", "format": "date-time"},
        "money": {"type": "number"},
        "maybe": {"type": ["string", "null"]},
        "yes_no": {"type": "boolean"},
        "list": {"type": "array"},
        "words": {"type": "object", "properties": {"en": {"type": "string"}, "zh": {"type": "string"}}},
    }
    versioned: Record = {"version": {"type": "integer"}, "updated_at": kinds["time"]}
    return {
        "type": "object",
        "properties": {**{name: kinds[kind] for name, kind in fields.items()}, **versioned},
    }


ANSWERS: dict[str, Record] = {
    "Customer": _record(
        id="text",
        name="text",
        name_en="text",
        mail="text",
        phone="text",
        language="text",
        tier="text",
        since="day",
        address="text",
    ),
    "Order": _record(
        number="text",
        customer_id="text",
        status="text",
        status_text="words",
        summary="words",
        ordered_on="day",
        promised_on="day",
        delivered_on="day",
        items="list",
        total="money",
        currency="text",
        address="text",
        payments="list",
        waybill="maybe",
        notes="list",
    ),
    "Delivery": _record(
        waybill="text",
        order_number="text",
        customer_id="text",
        status="text",
        courier="text",
        address="text",
        address_ok="yes_no",
        promised_on="day",
        delivered_on="day",
        delay_reason="maybe",
        last_place="words",
        last_seen_on="day",
    ),
    "Payment": _record(
        id="text",
        order_number="text",
        customer_id="text",
        amount="money",
        currency="text",
        status="text",
        method="text",
        card_ending="text",
        refunded="money",
        refundable="money",
        paid_on="day",
        failure="maybe",
    ),
    "Refund": _record(
        id="text",
        payment_id="text",
        order_number="text",
        customer_id="text",
        amount="money",
        currency="text",
        status="text",
        reason="text",
        made_at="time",
        cancel_until="time",
    ),
    "Voucher": _record(
        id="text",
        code="text",
        customer_id="text",
        amount="money",
        currency="text",
        reason="text",
        status="text",
        expires_on="day",
    ),
    "Ticket": _record(
        id="text",
        customer_id="text",
        order_number="maybe",
        team="text",
        subject="text",
        text="text",
        priority="text",
        status="text",
        comments="list",
        created_at="time",
    ),
    "Note": _record(
        id="text", customer_id="text", kind="text", text="text", order_number="maybe", by="text", at="time"
    ),
    "Message": _record(id="text", to="text", text="text", channel="text", client_ref="maybe", sent_at="time"),
    "Product": _record(id="text", title="words", price="money", currency="text"),
    "Policy": _record(name="text", title="words", text="words"),
    "Question": _record(id="text", question="words", answer="words"),
}
