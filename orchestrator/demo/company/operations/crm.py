"""Customers and what is known about them: contacts, tiers, notes and complaints."""

from __future__ import annotations

from orchestrator.demo.company.calls import Call, Done, Found, Record, Route
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.schemas import LIMIT, SHORT, TEXT, body
from orchestrator.demo.company.store import Store, listed


def find(store: Store, call: Call) -> Found:
    """By contact: the one customer (404 none, 409 several). By name: a list."""
    contact, name = call.query.get("contact"), call.query.get("name")
    if (contact is None) == (name is None):
        raise Refused(400, "invalid", "Say either contact or name.")
    if contact is not None:
        return _by_contact(store, contact)
    wanted = str(name).strip().casefold()
    everyone = store.tables["customers"].values()
    rows = [one for one in everyone if wanted in one["name"].casefold() or wanted in one["name_en"].casefold()]
    answer = listed(rows, int(call.query.get("limit", 50)))
    return Found(answer, [one["id"] for one in answer["results"]])


def _by_contact(store: Store, contact: str) -> Found:
    matches = store.customers_at(contact)
    if not matches:
        raise Refused(404, "not_found", "No customer has this contact.")
    if len(matches) > 1:
        raise Refused(409, "several", f"{len(matches)} customers have this contact.")
    return Found(matches[0], [matches[0]["id"]])


def get(store: Store, call: Call) -> Found:
    """One customer."""
    return Found(store.get("customers", call.params["customer_id"]), [call.params["customer_id"]])


def add_note(store: Store, call: Call) -> Done:
    """A note in the customer's record; `kind` complaint counts as a complaint."""
    customer = store.get("customers", call.params["customer_id"])
    note: Record = {
        "id": store.next_id("notes", "N"),
        "customer_id": customer["id"],
        "kind": call.body.get("kind", "note"),
        "text": call.body["text"],
        "order_number": call.body.get("order_number"),
        "by": call.body.get("by", "work command"),
        "at": call.at_text,
        "version": 1,
        "updated_at": call.at_text,
    }
    return Done(note, [("notes", note)], note["id"], 201)


def notes(store: Store, call: Call) -> Found:
    """All notes of a customer, newest first."""
    return _notes(store, call, ("note", "complaint"))


def complaints(store: Store, call: Call) -> Found:
    """The complaints of a customer, newest first."""
    return _notes(store, call, ("complaint",))


def _notes(store: Store, call: Call, kinds: tuple[str, ...]) -> Found:
    customer = store.get("customers", call.params["customer_id"])
    rows = [one for one in store.of_customer("notes", customer["id"]) if one["kind"] in kinds]
    return Found(listed(rows), [one["id"] for one in rows])


def note(store: Store, call: Call) -> Found:
    """One note."""
    return Found(store.get("notes", call.params["note_id"]), [call.params["note_id"]])


_NOTE = body({"text": TEXT}, kind={"enum": ["note", "complaint"]}, order_number=SHORT, by=SHORT)
_FIND: dict[str, Record] = {"contact": SHORT, "name": SHORT, "limit": LIMIT}

ROUTES = (
    Route(
        "crm.find",
        "GET",
        "/customers",
        "Find the one customer with a contact, or customers by name",
        find,
        "Customer",
        query=_FIND,
    ),
    Route("crm.get", "GET", "/customers/{customer_id}", "Read a customer", get, "Customer"),
    Route(
        "crm.add_note",
        "POST",
        "/crm/{customer_id}/notes",
        "Add a note to a customer",
        add_note,
        "Note",
        body=_NOTE,
        makes=True,
    ),
    Route("crm.notes", "GET", "/crm/{customer_id}/notes", "Read the notes of a customer", notes, "list of Note"),
    Route(
        "crm.complaints",
        "GET",
        "/crm/{customer_id}/complaints",
        "Read the complaints of a customer",
        complaints,
        "list of Note",
    ),
    Route("crm.get_note", "GET", "/crm-notes/{note_id}", "Read one note", note, "Note"),
)
