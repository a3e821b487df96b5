"""The OpenAPI document says what the server does."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from edge.server.contract import codes
from edge.server.openapi import document
from edge.server.operations import OPERATIONS
from edge.settings import Settings
from tests.serving import BODY, Served

DOCUMENT = document(Settings())


def references(value: Any) -> list[str]:
    """All $ref in the document."""
    if isinstance(value, dict):
        here = [value["$ref"]] if "$ref" in value else []
        return here + [found for child in value.values() for found in references(child)]
    return [found for child in value for found in references(child)] if isinstance(value, list) else []


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_every_reference_leads_somewhere() -> None:
    assert all(resolved(reference) for reference in references(DOCUMENT))


def test_every_schema_is_a_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_operation_and_every_code_is_there() -> None:
    named = {entry["operationId"] for path in DOCUMENT["paths"].values() for entry in path.values()}
    assert named == {operation.name for operation in OPERATIONS}
    text = json.dumps(DOCUMENT)
    assert all(f'"{code}"' in text for names in codes().values() for code in names)


def test_limits_are_those_of_the_settings() -> None:
    text = json.dumps(document(Settings(detect_key_chars=7_654_321, train_key_chars=123_456)))
    assert "at most 7654321 characters" in text
    assert "at most 123456 characters" in text


def test_it_is_served_without_a_token(alone: Served) -> None:
    assert alone.request("GET", "/v1.0/openapi.json", token=None).json == DOCUMENT


@pytest.mark.parametrize(
    ("path", "schema"),
    [("detect", "Faces"), ("identify", "IdentifiedFaces"), ("index", "Answer"), ("train", "Answer")],
)
def test_answers_conform(alone: Served, path: str, schema: str) -> None:
    validator = jsonschema_rs.Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{schema}"})
    validator.validate(alone.request("POST", f"/v1.0/{path}", BODY).json)


@pytest.mark.parametrize(("path", "schema"), [("people", "People"), ("usage", "Usage")])
def test_lists_conform(alone: Served, path: str, schema: str) -> None:
    with alone.store.writing():
        alone.store.create_person("Ann")
    validator = jsonschema_rs.Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{schema}"})
    validator.validate(alone.request("GET", f"/v1.0/{path}").json)


def test_the_example_is_a_picture(alone: Served) -> None:
    key = resolved("#/components/schemas/Picture")["properties"]["key"]["examples"][0]
    assert alone.post("/v1.0/detect", {"key": key}).status == 200
    assert alone.recognizing.pictures[-1].startswith(b"\x89PNG")
