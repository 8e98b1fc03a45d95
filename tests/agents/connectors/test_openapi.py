"""Drafts of operations out of an OpenAPI document that somebody else wrote."""

import pytest

from agents.connectors import ConnectorProblem
from agents.connectors.openapi import drafts_of
from agents.schemas import is_operation_name, problems_of_schema

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/payments/{id}/refunds": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "post": {
                "operationId": "createRefund",
                "summary": "Refund a payment\u202e",
                "parameters": [
                    {"$ref": "#/components/parameters/Key"},
                    {"name": "dry", "in": "query", "schema": {"type": "boolean"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refund"}}}},
            },
            "get": {"summary": "List refunds"},
        },
        "/loop": {"put": {"requestBody": {"$ref": "#/components/requestBodies/Loop"}}},
        "no-slash": {"get": {}},
        "/odd": "text",
    },
    "components": {
        "parameters": {"Key": {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}},
        "requestBodies": {"Loop": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}},
        "schemas": {
            "Refund": {
                "allOf": [{"$ref": "#/components/schemas/Base"}],
                "type": "object",
                "required": ["amount"],
                "properties": {"amount": {"type": "number", "exclusiveMinimum": 0}},
            },
            "Base": {"type": "object", "required": ["why"], "properties": {"why": {"type": "string"}}},
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}},
            "Circle": {"$ref": "#/components/schemas/Circle"},
        },
    },
}


def test_each_path_and_method_becomes_a_draft_that_the_map_can_take() -> None:
    drafts = {draft["name"]: draft for draft in drafts_of("pay", DOCUMENT)}
    assert set(drafts) == {"pay.create_refund", "pay.get_payments_id_refunds", "pay.put_loop"}
    for name, draft in drafts.items():
        assert is_operation_name(name)
        assert problems_of_schema(draft["arguments"]) == []
    refund = drafts["pay.create_refund"]
    assert (refund["level"], refund["kind"]) == ("controlled", "write")
    assert refund["effect_key"] == {"header": "Idempotency-Key"}
    assert refund["title"] == "Refund a payment\\u202e"
    assert refund["call"] == {"method": "POST", "path": "/payments/{id}/refunds"}
    assert set(refund["arguments"]["properties"]) == {"id", "dry", "amount", "why"}
    assert set(refund["arguments"]["required"]) == {"id", "amount", "why"}
    assert refund["arguments"]["additionalProperties"] is False
    listing = drafts["pay.get_payments_id_refunds"]
    assert (listing["level"], listing["kind"], "effect_key" in listing) == ("case", "read", False)


def test_names_do_not_collide() -> None:
    paths = {f"/x{n}": {"get": {"operationId": "Get It!"}} for n in range(3)}
    assert [d["name"] for d in drafts_of("s", {"paths": paths})] == ["s.get_it", "s.get_it_2", "s.get_it_3"]


@pytest.mark.parametrize("document", [None, [], {}, {"paths": []}, "text"])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(ConnectorProblem):
        drafts_of("s", document)


def test_references_outside_the_document_lead_nowhere() -> None:
    body = {"content": {"application/json": {"schema": {"$ref": "https://evil.example/x.json"}}}}
    (draft,) = drafts_of("s", {"paths": {"/a": {"post": {"requestBody": body}}}})
    assert draft["arguments"]["properties"] == {}
