"""Drafts of map operations out of a system's OpenAPI document (3.x). Pure.

The document is somebody else's text: names are made safe, words are bounded, references stay inside it. A
draft is never in force by itself: an administrator says the case key, lowers the level, and keeps what is
needed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from agents.connectors.base import ConnectorProblem, visible

METHODS = ("get", "post", "put", "patch", "delete")
MOST_OPERATIONS = 500
DEEPEST = 12
KEPT_WORDS = (
    "type enum const format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength"
    " minItems maxItems uniqueItems required additionalProperties properties items"
)
KEPT = frozenset(KEPT_WORDS.split())
KEY_HEADERS = {"idempotency-key", "x-idempotency-key", "x-request-id"}


def drafts_of(system: str, document: object) -> list[dict[str, Any]]:
    """One draft per path and method of `document`, named SYSTEM.OPERATION, in its order.

    Reads (GET) are drafted at level `case`, all else at `controlled`. Raises ConnectorProblem if this is no
    such document.
    """
    paths = document.get("paths") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(paths, Mapping):
        raise ConnectorProblem(_("The system's OpenAPI document has no paths."))
    drafts: list[dict[str, Any]] = []
    taken: set[str] = set()
    for path, method, described, shared in _operations(paths):
        if len(drafts) == MOST_OPERATIONS:
            break
        drafts.append(_draft(system, document, path, method, described, shared, taken))
    return drafts


def _operations(paths: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], list[Any]]]:
    for path, item in paths.items():
        if not isinstance(item, Mapping) or not isinstance(path, str) or not path.startswith("/"):
            continue
        shared = item.get("parameters")
        for method in METHODS:
            if isinstance(item.get(method), Mapping):
                yield path, method, item[method], shared if isinstance(shared, list) else []


def _draft(
    system: str,
    document: Mapping[str, Any],
    path: str,
    method: str,
    described: Mapping[str, Any],
    shared: list[Any],
    taken: set[str],
) -> dict[str, Any]:
    own = described.get("parameters")
    given = [_resolved(p, document) for p in [*shared, *(own if isinstance(own, list) else [])]]
    parameters = [p for p in given if isinstance(p, Mapping)]
    draft: dict[str, Any] = {
        "name": f"{system}.{_free_name(described.get('operationId') or f'{method}_{path}', taken)}",
        "title": visible(described.get("summary") or described.get("operationId") or f"{method.upper()} {path}", 120),
        "level": "case" if method == "get" else "controlled",
        "kind": "read" if method == "get" else "write",
        "arguments": _arguments(parameters, described.get("requestBody"), document),
        "call": {"method": method.upper(), "path": path},
    }
    header = next((str(p["name"]) for p in parameters if _is_key_header(p)), None)
    if method != "get":
        draft["effect_key"] = {"header": header} if header else "none"
    return draft


def _is_key_header(parameter: Mapping[str, Any]) -> bool:
    return parameter.get("in") == "header" and str(parameter.get("name", "")).lower() in KEY_HEADERS


def _arguments(parameters: list[Mapping[str, Any]], body: object, document: Mapping[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in parameters:
        name = parameter.get("name")
        if isinstance(name, str) and parameter.get("in") in {"path", "query"}:
            properties[name] = _schema(parameter.get("schema"), document)
            if parameter.get("required") or parameter.get("in") == "path":
                required.append(name)
    fields = _body_schema(body, document)
    properties |= fields.get("properties", {})
    required += [name for name in fields.get("required", []) if name in properties and name not in required]
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": required} if required else found


def _body_schema(body: object, document: Mapping[str, Any]) -> dict[str, Any]:
    resolved = _resolved(body, document)
    content = resolved.get("content") if isinstance(resolved, Mapping) else None
    media = content.get("application/json") if isinstance(content, Mapping) else None
    return _schema(media.get("schema"), document) if isinstance(media, Mapping) else {}


def _schema(schema: object, document: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The part of a schema that the map needs, with its references put in. Too deep, or circular, becomes
    "anything"."""
    resolved = _resolved(schema, document)
    if not isinstance(resolved, Mapping) or depth > DEEPEST:
        return {}
    merged: dict[str, Any] = {key: value for key, value in resolved.items() if key in KEPT}
    for part in resolved.get("allOf", []) if isinstance(resolved.get("allOf"), list) else []:
        inner = _schema(part, document, depth + 1)
        merged["properties"] = {**merged.get("properties", {}), **inner.pop("properties", {})}
        merged["required"] = [*merged.get("required", []), *inner.pop("required", [])]
        merged = {**inner, **merged}
    if isinstance(merged.get("properties"), Mapping):
        merged["properties"] = {name: _schema(one, document, depth + 1) for name, one in merged["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(merged.get(key), Mapping):
            merged[key] = _schema(merged[key], document, depth + 1)
    if isinstance(resolved.get("description"), str):
        merged["description"] = visible(resolved["description"], 300)
    return merged


def _resolved(thing: object, document: Mapping[str, Any]) -> object:
    for _hop in range(DEEPEST):
        if not isinstance(thing, Mapping) or not isinstance(thing.get("$ref"), str):
            return thing
        thing = _pointed_at(thing["$ref"], document)
    return None


def _pointed_at(reference: str, document: Mapping[str, Any]) -> object:
    if not reference.startswith("#/"):
        return None
    found: object = document
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found


def _free_name(wish: object, taken: set[str]) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(wish)[:200])
    base = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[:60] or "operation"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name)
    return name
