"""The OpenAPI 3.1 document of the company, made from the routes that serve it. Control addresses stay out."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.demo.company.calls import Record, Route
from orchestrator.demo.company.schemas import ANSWERS, SHORT

_ERROR: Record = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
_REFUSALS = {
    "400": "The request is not readable",
    "401": "The token is missing or wrong",
    "404": "No such record",
    "409": "The record does not allow it now",
    "422": "A value does not fit",
}


def document(routes: tuple[Route, ...]) -> Record:
    """The whole document as JSON values."""
    paths: dict[str, Record] = {
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the company answers",
                "security": [],
                "responses": {"200": {"description": "It answers"}},
            }
        },
    }
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Harbour Goods, demo company",
            "version": "1.0.0",
            "description": "The business systems of an invented retailer.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {**ANSWERS, "Error": _ERROR},
        },
    }


def _operation(route: Route) -> Record:
    system = route.operation.split(".")[0]
    answer: Record = {
        "operationId": route.operation,
        "summary": route.does,
        "tags": [system],
        "parameters": _parameters(route),
        "responses": {
            ("201" if route.makes else "200"): _response(
                "The record" if route.writes else "What was found", _shape(route)
            ),
            **{status: _response(text, {"$ref": "#/components/schemas/Error"}) for status, text in _REFUSALS.items()},
        },
    }
    if route.body is not None:
        answer["requestBody"] = {
            "required": bool(route.body["required"]),
            "content": {"application/json": {"schema": route.body}},
        }
    return answer


def _parameters(route: Route) -> list[Record]:
    in_path = [_parameter(name, "path", True, {"type": "string"}) for name in re.findall(r"\{(\w+)\}", route.path)]
    in_query = [_parameter(name, "query", name in route.required, schema) for name, schema in route.query.items()]
    headers = [
        _parameter("Idempotency-Key", "header", False, SHORT),
        _parameter("If-Match", "header", False, SHORT),
    ]
    return in_path + in_query + (headers if route.writes else [])


def _parameter(name: str, where: str, required: bool, schema: Any) -> Record:
    return {"name": name, "in": where, "required": required, "schema": schema}


def _shape(route: Route) -> Record:
    name = route.answer.removeprefix("list of ")
    one: Record = {"$ref": f"#/components/schemas/{name}"}
    many: Record = {
        "type": "object",
        "properties": {"results": {"type": "array", "items": one}, "count": {"type": "integer"}},
    }
    if route.operation == "crm.find":
        return {"oneOf": [one, many], "description": "By contact: the one customer. By name: a list."}
    return many if route.answer != name else one


def _response(text: str, schema: Record) -> Record:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
