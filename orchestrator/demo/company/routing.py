"""Which operation a method and a path mean, and whether what came with them fits its schemas."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft202012Validator

from orchestrator.demo.company.calls import Record, Route
from orchestrator.demo.company.errors import Refused

MOST_BYTES = 1_000_000


class Routing:
    """The routes, with their paths as patterns and their schemas ready to check."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._routes = [(_pattern(route.path), route) for route in routes]
        self._bodies = {route.operation: Draft202012Validator(route.body) for route in routes if route.body}
        self._queries = {
            route.operation: {name: Draft202012Validator(schema) for name, schema in route.query.items()}
            for route in routes
        }

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and the values in its path; 404 for an unknown path, 405 for an unknown method."""
        known = False
        for pattern, route in self._routes:
            match = pattern.fullmatch(path)
            if match and route.method == method:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
            known = known or match is not None
        if known:
            raise Refused(405, "method_not_allowed", f"{method} is not possible here.")
        raise Refused(404, "not_found", "There is nothing at this address.")

    def query(self, route: Route, text: str) -> dict[str, str]:
        """The query parameters; 400 for an unknown, repeated, missing or wrong one."""
        pairs = parse_qsl(text, keep_blank_values=True)
        query = dict(pairs)
        if len(query) != len(pairs):
            raise Refused(400, "invalid", "A query parameter is there twice.")
        checks = self._queries[route.operation]
        for name in [*query, *route.required]:
            if name not in checks:
                raise Refused(400, "invalid", f"`{name}` is not a query parameter of {route.operation}.")
            if name not in query:
                raise Refused(400, "invalid", f"The query parameter `{name}` is missing.")
            _must_fit(checks[name], _as_written(route.query[name], query[name]), 400, name)
        return query

    def body(self, route: Route, raw: bytes) -> Record:
        """The JSON body; 400 if it is no JSON object, 413 if it is too large, 422 if it does not fit."""
        if len(raw) > MOST_BYTES:
            raise Refused(413, "too_large", "The body is over 1 MB.")
        if route.body is None:
            return {}
        body = read_json(raw)
        _must_fit(self._bodies[route.operation], body, 422, "")
        return body


def read_json(raw: bytes) -> Record:
    """A JSON object from bytes; an empty body counts as an empty object; 400 for anything else."""
    try:
        body = json.loads(raw or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid_json", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refused(400, "invalid_json", "The body is not a JSON object.")
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def _as_written(schema: Record, text: str) -> Any:
    if schema.get("type") == "integer" and re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    return text


def _must_fit(check: Draft202012Validator, value: Any, status: int, name: str) -> None:
    for error in check.iter_errors(value):
        where = ".".join([name, *map(str, error.absolute_path)]).strip(".") or "body"
        raise Refused(status, "invalid", f"`{where}`: {error.message[:300]}")
