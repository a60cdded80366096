from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.contract.declared import closed, declared_schema
from headworks.contract.image import IMAGE_SCHEMA, Image
from headworks.errors import ConfigurationRefused


class Leaf(msgspec.Struct):
    x: int


class Tree(msgspec.Struct):
    leaf: Leaf
    trees: list[Tree] = []


class Open(msgspec.Struct):
    anything: dict[str, Any]
    picture: Image


def test_the_root_is_written_out_and_its_parts_stay_beside_it():
    schema = declared_schema(Tree)

    assert schema["type"] == "object"
    assert schema["properties"]["leaf"] == {"$ref": "#/$defs/Leaf"}
    assert set(schema["$defs"]) == {"Leaf", "Tree"}


def test_every_described_object_is_closed_to_unknown_fields():
    schema = declared_schema(Tree)

    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())


def test_a_mapping_stays_open():
    schema = declared_schema(Open)

    assert schema["properties"]["anything"] == {"type": "object"}
    assert schema["properties"]["picture"] == IMAGE_SCHEMA


def test_a_field_called_properties_is_a_field():
    schema = closed({"type": "object", "properties": {"properties": {"type": "object", "properties": {}}}})

    assert schema["properties"]["properties"]["additionalProperties"] is False
    assert "additionalProperties" not in schema["properties"]


def test_an_object_that_says_it_is_open_stays_so():
    assert closed({"properties": {}, "additionalProperties": True})["additionalProperties"] is True


def test_a_tuple_is_closed_to_more_items():
    assert closed({"type": "array", "prefixItems": [{"type": "integer"}]})["items"] is False


@pytest.mark.parametrize("declared", [complex, dict[bytes, int] | Leaf | Tree, Leaf | Open])
def test_a_type_without_a_json_form_is_refused(declared):
    with pytest.raises(ConfigurationRefused):
        declared_schema(declared)
