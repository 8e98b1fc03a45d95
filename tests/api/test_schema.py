"""The OpenAPI document names every call, and its schemas are the checks. `test_fuzz.py` looks for a lie in it."""

import re
from collections.abc import Iterator
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema import Draft202012Validator

from orchestrator.api.checking import _Validator
from orchestrator.api.views.documents import document
from tests.guarantees import guarantee

# Addresses under /api/v1/ that are no calls: the document itself, the page that reads it, and the end of the table.
NO_CALLS = {"schema/", "docs/", "^"}


@guarantee("F02", ci=1)
def test_every_address_is_in_the_document_or_on_the_list() -> None:
    root = next(part for part in get_resolver().url_patterns if str(part.pattern) == "api/v1/")
    assert isinstance(root, URLResolver)
    addresses = {str(part.pattern) for part in root.url_patterns if isinstance(part, URLPattern)}
    named = {path.removeprefix("/api/v1/") for path in document()["paths"]}
    shown = {address.replace("<", "{").replace(">", "}") for address in addresses - NO_CALLS}
    assert {_without_kinds(address) for address in shown} == named
    assert addresses >= NO_CALLS


def _without_kinds(address: str) -> str:
    return re.sub(r"\{\w+:", "{", address)


def test_the_document_is_openapi_3_1_and_its_schemas_are_schemas() -> None:
    made = document()
    assert made["openapi"] == "3.1.0"
    assert made["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    for schema in made["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for operation in operations():
        for parameter in operation["parameters"]:
            Draft202012Validator.check_schema(parameter["schema"])
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if body is not None:
            _Validator.check_schema(body)
            assert body["additionalProperties"] is False
        assert operation["security"] == [{"bearer": []}]
        assert {"401", "403", "500", "503"} <= set(operation["responses"])
    ids = [operation["operationId"] for operation in operations()]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere() -> None:
    names = set(document()["components"]["schemas"])

    def references(thing: Any) -> Iterator[str]:
        if isinstance(thing, dict):
            if "$ref" in thing:
                yield thing["$ref"].rpartition("/")[2]
            for inner in thing.values():
                yield from references(inner)
        elif isinstance(thing, list):
            for inner in thing:
                yield from references(inner)

    assert set(references(document())) <= names


def operations() -> list[dict[str, Any]]:
    return [operation for path in document()["paths"].values() for operation in path.values()]


def test_the_document_and_its_page_are_served_under_the_strict_policy(db: None) -> None:
    client = Client()
    served = client.get("/api/v1/schema/")
    assert served.json()["paths"].keys() == document()["paths"].keys()
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    html = page.content.decode()
    assert "<style" not in html
    assert "style=" not in html
    assert all("src=" in part for part in html.split("<script")[1:])
    policy = page["Content-Security-Policy"]
    assert "unsafe" not in policy
    script = client.get("/api/v1/docs/", {"script": ""})
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/v1/schema/" in script.content.decode()
