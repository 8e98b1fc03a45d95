"""Where a record can be opened in its own system: an address pattern of the map, filled from facts. Pure.

The pattern is the company's, the values are not: each is encoded whole, so that it stays one part of the path or query,
and what would lead elsewhere gives no link. A link only opens a page for a person; nothing here is ever called.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

from agents.facts import request_values
from agents.models import Operation, System
from cases.models import Case
from cases.placeholders import fill, names, written
from cases.values import UNKNOWN, dig

LONGEST = 2_000  # characters of an address
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
DOTS = {".", ".."}  # segments by which a browser climbs, however they are encoded


def problem(pattern: str) -> str:
    """What is wrong with a pattern, in words; '' if it may be used."""
    try:
        parts = urlsplit(pattern)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return _("this is not an address")
    if not host or parts.scheme not in ("https", "http") or (parts.scheme == "http" and host not in LOOPBACK):
        return _("an address to open begins with https:// and a host")
    if parts.username is not None or "{" in parts.netloc or "\\" in pattern or any(sign <= " " for sign in pattern):
        return _("an address to open names its host itself, without user, blanks or backslashes")
    return ""


def link(pattern: str, values: Mapping[str, Any]) -> str:
    """The pattern filled with `values`, each percent-encoded; '' if one is missing, is no single value, or climbs."""
    if not pattern or problem(pattern):
        return ""
    encoded: dict[str, str] = {}
    for name in names(pattern):
        try:
            value = values[name] if name in values else dig(values, name)
        except ValueError:
            return ""
        if value is UNKNOWN or value is None or isinstance(value, Mapping | list | tuple):
            return ""
        text = written(value).strip()
        if not text or text in DOTS:
            return ""
        encoded[name] = quote(text, safe="")
    address = str(fill(pattern, encoded)[0])
    return address if len(address) <= LONGEST and not problem(address) else ""


def of_operation(operation: Operation, values: Mapping[str, Any], record: Any = None) -> str:
    """Where what `operation` reads can be opened: by its own pattern, which knows `record`, else by its system's."""
    own = link(operation.page, {**values, "record": record})
    return own or of_system(operation.system, values)


def of_system(system: System, values: Mapping[str, Any]) -> str:
    return link(system.page, values)


def known(case: Case) -> dict[str, Any]:
    """What a pattern may name: the facts of a case that are known, and `request`."""
    facts = case.facts.items()
    found = {name: fact.get("value") for name, fact in facts if isinstance(fact, Mapping) and fact.get("known")}
    return {**found, "request": request_values(case)}
