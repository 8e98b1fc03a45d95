"""Finds out whom a request is from, once, by the company's own look-up: never by what the request claims."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from agents.configuration import TypeConfig
from agents.facts import Found, request_values
from agents.stretch import Stretch
from cases import placeholders
from cases.actors import CONTROL
from cases.values import UNKNOWN, dig


def identify(stretch: Stretch) -> None:
    """Look the contact up; exactly one match is the customer, anything else leaves the customer unknown."""
    calls = stretch.config.calls
    case = stretch.case
    if calls is None or calls.customer is None or not case.contact:
        return
    arguments, missing = placeholders.fill(calls.customer_arguments, {"request": request_values(case)})
    if missing:
        return
    worked, answer, why = stretch.reader(calls.customer, arguments, "customer")
    found = _one(answer, calls.customer_path) if worked else UNKNOWN
    if found is UNKNOWN:
        words = why or _("No single customer has this contact.")
        stretch.record("customer.unknown", CONTROL, contact=case.contact, why=words)
        return
    case.customer = str(found)[:200]
    stretch.changes |= {"customer": case.customer, "customer_from": "contact"}
    stretch.record("customer.found", CONTROL, customer=case.customer, by=case.contact)


def as_recorded(stretch: Stretch, type_: TypeConfig, found: Mapping[str, Found]) -> bool:
    """Take the customer's number from the record that was found under it: a system may find it under other spellings,
    and what is counted by customer would begin anew with each. Returns whether it was another one."""
    case, record = stretch.case, found.get(type_.row.customer_fact)
    if not case.customer or record is None or not record.known or not record.bound:
        return False
    number = dig(record.value, "id")
    if isinstance(number, bool) or not isinstance(number, str | int) or str(number) in ("", case.customer):
        return False
    given, case.customer = case.customer, str(number)[:200]
    stretch.changes["customer"] = case.customer
    stretch.record("customer.number", CONTROL, customer=case.customer, given=given)
    return True


def _one(answer: object, path: str) -> object:
    """The id of the one record in an answer: the record itself, or a list with a single item."""
    items = answer
    if isinstance(answer, dict):
        lists = [value for value in answer.values() if isinstance(value, list)]
        direct = dig(answer, path)
        if direct is not UNKNOWN and not isinstance(direct, list):
            return direct
        items = lists[0] if len(lists) == 1 else []
    if isinstance(items, list):
        return dig(items[0], path) if len(items) == 1 else UNKNOWN
    return UNKNOWN
