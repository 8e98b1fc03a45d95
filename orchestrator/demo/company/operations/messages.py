"""The outbox: messages that went to customers by mail or phone. A message once sent stays sent."""

from __future__ import annotations

from orchestrator.demo.company.calls import Call, Done, Found, Record, Route
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.schemas import LIMIT, SHORT, body
from orchestrator.demo.company.store import Store, listed, plain


def send(store: Store, call: Call) -> Done:
    """Send a text to a mail address or phone number."""
    to = call.body["to"].strip()
    digits = sum(ch.isdecimal() for ch in to)
    if "@" not in to and digits < 8:
        raise Refused(422, "invalid", "`to` is neither a mail address nor a phone number.")
    made: Record = {
        "id": store.next_id("messages", "M"),
        "to": to,
        "text": call.body["text"],
        "subject": call.body.get("subject"),
        "channel": "mail" if "@" in to else "phone",
        "client_ref": call.body.get("client_ref"),
        "sent_at": call.at_text,
        "version": 1,
        "updated_at": call.at_text,
    }
    return Done(made, [("messages", made)], made["id"], 201)


def get(store: Store, call: Call) -> Found:
    """One message."""
    return Found(store.get("messages", call.params["message_id"]), [call.params["message_id"]])


def sent_to(store: Store, call: Call) -> Found:
    """The messages to one contact, newest first."""
    wanted = plain(call.query["to"])
    rows = [one for one in reversed(store.tables["messages"].values()) if plain(one["to"]) == wanted]
    return Found(listed(rows, int(call.query.get("limit", 100))), [one["id"] for one in rows])


_SEND = body(
    {"to": SHORT, "text": {"type": "string", "minLength": 1, "maxLength": 20000}},
    subject=SHORT,
    client_ref=SHORT,
)

ROUTES = (
    Route("messages.send", "POST", "/messages", "Send a message", send, "Message", body=_SEND, makes=True),
    Route("messages.get", "GET", "/messages/{message_id}", "Read a sent message", get, "Message"),
    Route(
        "messages.list",
        "GET",
        "/messages",
        "Read the messages to a contact",
        sent_to,
        "list of Message",
        query={"to": SHORT, "limit": LIMIT},
        required=("to",),
    ),
)
