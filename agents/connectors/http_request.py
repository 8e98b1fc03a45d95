"""From an operation and its arguments to the bytes of one HTTP request. Pure: nothing is sent here.

Arguments come from outside, so each stays in its place: in the path it is one percent-encoded piece, numbers
keep their exact text, and nothing in them can choose another host, another path or another header.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from math import isfinite
from typing import Any
from urllib.parse import quote, unquote

import httpx
from django.utils.translation import gettext as _

from agents.connectors.base import ConnectorProblem, OperationSpec
from agents.connectors.credentials import Credential, problems_of_header

METHODS = {"GET", "DELETE", "POST", "PUT", "PATCH"}
IN_QUERY = {"GET", "DELETE"}
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
STATIC_SAFE = "/%:@!$&'()*+,;=-._~?"
MOST_BODY = 5_000_000
MOST_TARGET = 8_000


@dataclass(frozen=True)
class Prepared:
    """One request, ready to be sent. Headers may hold a credential, so they show in no repr."""

    method: bytes
    scheme: bytes
    host: bytes
    port: int | None
    target: bytes
    headers: list[tuple[bytes, bytes]] = field(repr=False)
    content: bytes = field(default=b"", repr=False)


def base_of(address: str) -> httpx.URL:
    """The system's address, parsed. Raises ConnectorProblem if it is not plain http or https to a named
    host."""
    try:
        url = httpx.URL(address)
        host, port = url.raw_host, url.port
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ConnectorProblem(_("The system's address cannot be read.")) from error
    if url.scheme not in {"http", "https"}:
        raise ConnectorProblem(_("The system's address must begin with http:// or https://."))
    if not host or not 0 < (80 if port is None else port) < 65_536:
        raise ConnectorProblem(_("The system's address names no host."))
    if url.userinfo:
        raise ConnectorProblem(_("The system's address holds a password; name a credential in its sign-in instead."))
    if url.query or url.fragment:
        raise ConnectorProblem(_("The system's address cannot hold a query or a fragment."))
    return url


def problems_of_call(operation: OperationSpec) -> list[str]:
    """What is wrong with the `call` and `effect_key` of an operation as written in the map."""
    call, found = operation.call, []
    unknown = sorted(set(call) - {"method", "path"})
    if unknown:
        found.append(_("call: unknown key %(key)s.") % {"key": unknown[0]})
    if str(call.get("method", "")).upper() not in METHODS:
        found.append(_("call: method must be one of %(methods)s.") % {"methods": ", ".join(sorted(METHODS))})
    path = call.get("path")
    if not isinstance(path, str) or not path.startswith("/") or {"\\", "#"} & set(path) or _climbs(path.split("?")[0]):
        found.append(_("call: path must begin with / and stay below the system's address."))
    else:
        declared = operation.arguments.get("properties", {})
        missing = [n for n in PLACEHOLDER.findall(path) if declared and n not in declared]
        found += [_("call: the path uses %(name)s, which is not an argument.") % {"name": name} for name in missing]
    return found + _problems_of_effect_key(operation.effect_key)


def _problems_of_effect_key(effect_key: Mapping[str, Any] | None) -> list[str]:
    if not effect_key:
        return []
    if len(effect_key) != 1 or next(iter(effect_key)) not in {"header", "argument", "look_up"}:
        return [_("effect_key must be one of header, argument, look_up or none.")]
    return problems_of_header(effect_key["header"]) if "header" in effect_key else []


def prepare(
    address: str,
    operation: OperationSpec,
    arguments: Mapping[str, Any],
    effect_key: str | None,
    credential: Credential,
) -> Prepared:
    """The request for one call. Raises ConnectorProblem, in words, if an argument cannot be sent as the map
    says."""
    found = problems_of_call(operation)
    if found:
        raise ConnectorProblem(found[0])
    base = base_of(address)
    values, extra = _with_effect_key(operation, arguments, effect_key)
    path, used = fill_path(operation.call["path"], values)
    rest = {name: value for name, value in values.items() if name not in used}
    method = str(operation.call["method"]).upper()
    content = b""
    if method in IN_QUERY:
        path = _with_query(path, rest)
    else:
        content = _body(rest)
        extra.append(("Content-Type", "application/json"))
    target = base.raw_path.rstrip(b"/") + path.encode("ascii")
    if len(target) > MOST_TARGET:
        raise ConnectorProblem(_("The arguments are too long for an address."))
    return Prepared(
        method.encode(),
        base.raw_scheme,
        base.raw_host,
        base.port,
        target,
        headers_of(base, extra, credential),
        content,
    )


def headers_of(base: httpx.URL, extra: list[tuple[str, str]], credential: Credential) -> list[tuple[bytes, bytes]]:
    """The headers of a request to `base`. Compressed answers are not asked for: their size could not be
    bounded first."""
    plain = [
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "work-command"),
        *extra,
        *credential.headers,
    ]
    return [(b"Host", base.netloc), *((name.encode("ascii"), value.encode("ascii")) for name, value in plain)]


def fill_path(path: str, values: Mapping[str, Any]) -> tuple[str, set[str]]:
    """The path with each `{x}` replaced by its argument, fully percent-encoded, and the names that were
    used."""
    used: set[str] = set()
    parts: list[str] = []
    for index, part in enumerate(PLACEHOLDER.split(path)):
        if index % 2 == 0:
            parts.append(quote(part, safe=STATIC_SAFE))
        else:
            used.add(part)
            parts.append(_path_piece(part, values.get(part)))
    return "".join(parts), used


def _path_piece(name: str, value: Any) -> str:
    if value is None or isinstance(value, dict | list | tuple):
        raise ConnectorProblem(_("%(name)s is needed in the address and must be one value.") % {"name": name})
    text = plain_text(name, value)
    # Servers and proxies differ in when they decode: what could climb after one more decoding is refused too.
    if not text.strip() or _climbs(text) or _climbs(unquote(text)):
        raise ConnectorProblem(_("%(name)s cannot stand in an address: it is empty or a path.") % {"name": name})
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in unquote(text)):
        raise ConnectorProblem(_("%(name)s cannot stand in an address: it holds control characters.") % {"name": name})
    return _quoted(name, text)


def _climbs(text: str) -> bool:
    return any(piece in {".", ".."} for piece in re.split(r"[/\\;]", text))


def _with_query(path: str, rest: Mapping[str, Any]) -> str:
    pairs: list[str] = []
    for name, value in rest.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, dict | list | tuple):
                raise ConnectorProblem(_("%(name)s is nested and cannot stand in an address.") % {"name": name})
            if one is not None:
                pairs.append(f"{_quoted(name, name)}={_quoted(name, plain_text(name, one))}")
    if not pairs:
        return path
    return f"{path}{'&' if '?' in path else '?'}{'&'.join(pairs)}"


def _quoted(name: str, text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise ConnectorProblem(_("%(name)s holds a broken character.") % {"name": name}) from error


def _body(rest: Mapping[str, Any]) -> bytes:
    try:
        content = json_text(rest).encode()
    except UnicodeEncodeError as error:
        raise ConnectorProblem(_("An argument holds a broken character.")) from error
    except RecursionError as error:
        raise ConnectorProblem(_("The arguments are nested too deeply.")) from error
    if len(content) > MOST_BODY:
        raise ConnectorProblem(_("The arguments are too big to send."))
    return content


def _with_effect_key(
    operation: OperationSpec, arguments: Mapping[str, Any], effect_key: str | None
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    place = {} if operation.is_read else operation.effect_key or {}
    if not ({"header", "argument"} & set(place)):
        return dict(arguments), []
    # Without its key this write could be done twice: better not at all.
    if not effect_key or not re.fullmatch(r"[\x21-\x7e]{1,200}", effect_key):
        raise ConnectorProblem(_("This operation needs an effect key, and none was given."))
    if "header" in place:
        return dict(arguments), [(str(place["header"]), effect_key)]
    return {**arguments, str(place["argument"]): effect_key}, []


def plain_text(name: str, value: Any) -> str:
    """One value as it stands in an address: text as it is, numbers exactly, booleans as true and false."""
    if isinstance(value, str):
        return value
    text = json_text(value)
    return str(json.loads(text)) if text.startswith('"') else text


def json_text(value: Any) -> str:
    """JSON in which a Decimal is a number with its exact text (300.00 stays 300.00, nothing passes through a
    float).

    Raises ConnectorProblem for what JSON cannot say: NaN, Infinity, unknown kinds, keys that are not text.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, Decimal | float):
        return _number_text(value)
    if isinstance(value, date | time):
        return json.dumps(value.isoformat())
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ConnectorProblem(_("An argument has a key that is not text."))
        pairs = (f"{json.dumps(key, ensure_ascii=False)}:{json_text(inner)}" for key, inner in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(json_text(inner) for inner in value) + "]"
    raise ConnectorProblem(
        _("An argument is of a kind that cannot be sent (%(kind)s).") % {"kind": type(value).__name__}
    )


def _number_text(value: Decimal | float) -> str:
    finite = value.is_finite() if isinstance(value, Decimal) else isfinite(value)
    if not finite:
        raise ConnectorProblem(_("An argument is not a number that can be sent."))
    if isinstance(value, Decimal) and abs(value.adjusted()) < 60:
        return format(value, "f")
    return str(value)
