"""A program that talks to the API in tests. Each answer is held against the OpenAPI document: its status must be
declared there, and its body must have the declared form."""

import json
import re
from functools import cache
from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator

from cases.actors import CONTROL
from orchestrator.api.models import ApiToken
from orchestrator.api.services import create_token
from orchestrator.api.views.documents import document

ROOT = "/api/v1/"


class Program:
    """`secret` may be empty: then no token is shown. `Program.token` is the row, if one was made here."""

    def __init__(self, secret: str = "", token: ApiToken | None = None) -> None:
        self.secret, self.token = secret, token
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any = None, *, key: str = "", **query: Any) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.send("POST", path, raw, key=key, query=query)

    def send(
        self,
        method: str,
        path: str,
        raw: bytes = b"",
        *,
        key: str = "",
        query: Any = None,
        kind: str = "application/json",
        **headers: str,
    ) -> Any:
        """Any request at all; the answer has `.json()` and was checked against the document."""
        if self.secret:
            headers.setdefault("Authorization", f"Bearer {self.secret}")
        if key:
            headers["Idempotency-Key"] = key
        address = path if path.startswith("/") else ROOT + path
        answer = self.client.generic(method, address, raw, content_type=kind, headers=headers, query_params=query or {})
        hold_against_document(method, address, answer)
        return answer


def program(*scopes: str, name: str = "test", days: int = 90, **owner: Any) -> Program:
    """A program with a new token."""
    token, secret = create_token(actor=CONTROL, name=name, scopes=scopes, days=days, **owner)
    return Program(secret, token)


def hold_against_document(method: str, address: str, answer: Any) -> None:
    declared = declared_answers(method, address.partition("?")[0])
    if declared is None:  # none of our calls: still our form of error
        problems = problems_of("Error", answer.json())
        assert not problems, problems
        return
    assert str(answer.status_code) in declared or answer.status_code == 405, (
        f"{method} {address} answered {answer.status_code}, which the document does not name: {answer.content!r}"
    )
    said = declared.get(str(answer.status_code), declared["401"])
    problems = problems_of(said["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2], answer.json())
    assert not problems, f"{method} {address} {answer.status_code}: {problems}"


def declared_answers(method: str, address: str) -> dict[str, Any] | None:
    for path, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), address):
            operation = operations.get(method.lower()) or next(iter(operations.values()))
            responses: dict[str, Any] = operation["responses"]
            return responses
    return None


def problems_of(component: str, data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(component).iter_errors(data)]


@cache
def validator(component: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{component}", "components": document()["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
