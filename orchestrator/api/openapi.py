"""The OpenAPI 3.1 document: each call writes its own operation from the schemas it enforces; this puts them
together.
"""

from typing import Any, Final

from orchestrator.api.components import COMPONENTS, ref

Json = dict[str, Any]

KEY_PATTERN: Final = "^[!-~]{1,200}$"
TAGS: Final = {
    "requests": "Requests come in.",
    "cases": "Cases: what happens to a request, and the work of people on it.",
    "agents": "Agents of others: their open steps and their calls.",
    "approvals": "Proposals, approvals and decisions.",
    "company": "The map, reports and the audit.",
}
_REFUSALS: Final = {
    400: "What was sent cannot be read.",
    401: "No token, or one that is not in force.",
    403: "The token may not do this, or it was refused.",
    404: "Nothing is here under that name, or you may not see it.",
    409: "Not possible in the present state, or a call with this key is still running.",
    413: "Larger than what is taken here.",
    415: "Not JSON.",
    422: "Something in it cannot be used.",
    429: "Too many calls in a minute.",
    500: "A fault of ours; it was noted.",
    503: "The service cannot answer at this moment.",
}
_PATH_PARTS: Final[dict[str, Json]] = {
    "number": {"type": "string", "pattern": "^C-[1-9][0-9]{0,17}$", "example": "C-1042"},
    "id": {"type": "string", "format": "uuid"},
    "standing_id": {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
    "name": {"type": "string", "minLength": 1, "maxLength": 120, "pattern": r"^[^/\u0000]+$"},
}


def operation(
    *,
    name: str,
    tag: str,
    words: str,
    scopes: tuple[str, ...],
    answers: dict[int, str],
    path: tuple[str, ...],
    query: Json,
    body: Json | None,
    limited: bool,
    keyed: bool,
) -> Json:
    """One operation of the document, as it is answered and enforced."""
    said: Json = {
        "operationId": name,
        "tags": [tag],
        "summary": words.partition(".")[0] + ".",
        "description": f"{words}\n\nScopes: {', '.join(scopes)} (one of them).",
        "security": [{"bearer": []}],
        "parameters": [*_path(path), *_query(query), *([_KEY] if keyed else [])],
        "responses": _responses(answers, bool(path), query, body, limited, keyed),
    }
    if body is not None:
        said["requestBody"] = {
            "required": bool(body["required"]),
            "content": {"application/json": {"schema": body}},
        }
    return said


_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body give the first answer again. Kept for at least 24 hours.",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}


def _path(parts: tuple[str, ...]) -> list[Json]:
    return [{"name": part, "in": "path", "required": True, "schema": _PATH_PARTS[part]} for part in parts]


def _query(query: Json) -> list[Json]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in query["properties"].items()
    ]


def _responses(answers: dict[int, str], path: bool, query: Json, body: Json | None, limited: bool, keyed: bool) -> Json:
    refusals = {400, 401, 403, 422, 500, 503}
    refusals |= {404, 409} if path else set()
    refusals |= {409, 413, 415} if body is not None else set()
    refusals |= {409} if keyed else set()
    refusals |= {429} if limited else set()
    said = {str(status): _content(component, ref(component)) for status, component in answers.items()}
    said |= {str(status): _refusal(status) for status in sorted(refusals)}
    return said


def _content(words: str, schema: Json) -> Json:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _refusal(status: int) -> Json:
    said = _content(_REFUSALS[status], ref("Error"))
    if status in {409, 429, 503}:
        said["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}
    return said


def complete(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """drf-spectacular's last hook: add the named answers, the security scheme and the tags."""
    result["components"] = {
        "schemas": COMPONENTS,
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    }
    result["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    result["security"] = [{"bearer": []}]
    return result
