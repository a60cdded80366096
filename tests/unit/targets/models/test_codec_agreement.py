"""What the front lets through by the published schema, the worker decodes, and the other way round.

The known differences are in docs/explanation/validation.md; test_codec_differences.py has a test for each.
"""

import json

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.contract.schema import Schema
from headworks.errors import ContractViolation, SchemaViolation
from headworks.targets.models.codec import codec_for
from tests.unit.targets.models.typed_documents import MSGSPEC_TYPES, PYDANTIC_TYPES

THOROUGH = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def _decoded(codec, text):
    try:
        return codec.decode(text), True
    except SchemaViolation:
        return None, False


def _agree(data, made):
    codec = codec_for(made.declared)
    front = Schema(codec.schema)
    for _ in range(5):
        text = json.dumps(data.draw(made.documents), ensure_ascii=False).encode()
        errors = front.errors(msgspec.json.decode(text))
        is_only_unknown = bool(errors) and all("not a known field" in error.message for error in errors)
        value, is_accepted = _decoded(codec, text)

        assert is_accepted or errors, (made.declared, text)
        assert not is_accepted or not errors or is_only_unknown, (made.declared, text, errors)
        if is_accepted:
            _reply_keeps_the_schema(codec, value)


def _reply_keeps_the_schema(codec, value):
    try:
        text = codec.encode(value)
    except ContractViolation:
        return
    assert Schema(codec.reply_schema).errors(msgspec.json.decode(text)) == ()


@THOROUGH
@given(st.data(), MSGSPEC_TYPES)
def test_structs_dataclasses_typed_dicts_and_builtins_agree_with_their_schema(data, made):
    _agree(data, made)


@THOROUGH
@given(st.data(), PYDANTIC_TYPES)
def test_pydantic_models_agree_with_their_schema(data, made):
    _agree(data, made)
