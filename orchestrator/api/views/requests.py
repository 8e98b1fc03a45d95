"""Requests come in, and later messages about them."""

from typing import Any

from django.utils.translation import gettext as _

from agents.models import Operation
from cases.errors import Incorrect
from cases.services import Sender, take_in
from orchestrator.api.calls import Answer, Call
from orchestrator.api.endpoint import APART, TOGETHER, endpoint
from orchestrator.api.naming import must_exist
from orchestrator.api.present.cases import message as show_message
from orchestrator.api.present.cases import received
from orchestrator.api.shapes import MESSAGE, REQUEST
from orchestrator.api.sight import find_own_case
from orchestrator.api.views.operations import told
from orchestrator.desk import services as desk
from orchestrator.flow import calls as flow


@endpoint(
    "POST",
    "intake",
    "staff",
    tag="requests",
    answers={201: "Received", 200: "Received"},
    body=REQUEST,
    limit="intake",
)
def take_request_in(call: Call) -> Answer:
    """Hand in a request. 201 means it is kept, whatever crashes next. A repeated `external_id` of the same
    token gives the same case with 200.
    """
    body = call.body
    must_exist("operations", body.get("operations") or [], Operation, tell=not call.token.may("intake"))
    case, created = take_in(
        actor=call.actor,
        source=body["source"],
        channel=body["channel"],
        sender=_sender(body.get("from")),
        subject=body.get("subject", ""),
        text=body["text"],
        type_name=body.get("type", ""),
        form=body.get("form"),
        operations=body.get("operations"),
        external_id=body.get("external_id", ""),
    )
    return Answer(received(case, call), 201 if created else 200)


def _is_reply(call: Call) -> bool:
    """A person's public words to the requester: a call of the company's reply operation, judged as any."""
    return call.actor.is_person and "from" not in call.body and not call.body.get("private", False)


@endpoint(
    "POST",
    "staff",
    "intake",
    tag="cases",
    answers={201: "Message", 200: "CallAnswer", 202: "CallAnswer"},
    path=("number",),
    body=MESSAGE,
    limit="intake",
    keyed=lambda call: APART if _is_reply(call) else TOGETHER,
)
def add_message(call: Call, number: int) -> Answer:
    """Add a message. Of a staff token: a `private` note, with `from` what the requester wrote (201), else a
    reply to the requester, which is a call of the company's reply operation (200 or 202, as calls answer).
    Of an intake token: the requester's next message about a request that it handed in.
    """
    case = find_own_case(call, number)
    body = call.body
    if _is_reply(call):
        return told(flow.reply(actor=call.actor, case_id=case.pk, text=body["text"], turn=case.turn))
    private = bool(body.get("private", False))
    if private and (not call.actor.is_person or "from" in body):
        raise Incorrect(_("A message of the requester is never private. Nothing was changed."), fields={"private": []})
    sender = _sender(body["from"]) if "from" in body else None
    if sender is None and not private:
        sender = Sender(name=case.requester_name, contact=case.contact)
    row = desk.add_message(
        actor=call.actor,
        case_id=case.pk,
        text=body["text"],
        private=private,
        sender=sender,
        external_id=body.get("external_id", ""),
    )
    return Answer(show_message(row), 201)


def _sender(given: Any) -> Sender:
    given = given or {}
    return Sender(name=given.get("name", ""), contact=given.get("contact", ""), customer=given.get("customer", ""))
