"""POST /v1/embeddings: the task's own shape; vectors as numbers or as base64, as the caller asks.

Source: platform.openai.com, API reference, "Embeddings"; openai-python, resources/embeddings.py (asks for base64 itself).
"""

import struct
from base64 import b64decode, b64encode

from msgspec import DecodeError, Raw, Struct, ValidationError
from msgspec.json import Decoder

from headworks.contract.schema import JSON
from headworks.costs import Usage
from headworks.dialects.by_model import ByModel
from headworks.dialects.openai.body import Form, as_sent, encode, fields_of, object_of, serves, told
from headworks.dialects.openai.errors import error_document
from headworks.dialects.openai.fields import rate_fields
from headworks.errors import ContractViolation, HeadworksError
from headworks.ports import EventWriter, Read
from headworks.units import RequestId
from headworks.values import Call, Endpoint, Payload, Quota, RawRequest

PATH = "/v1/embeddings"
BASE64 = "base64"

_FLOAT_BYTES = 4


class _Vector(Struct):
    index: int
    embedding: list[float] | str
    object: str = "embedding"


_vectors = Decoder(list[_Vector]).decode


class Embeddings(ByModel):
    """Implements ports.Dialect for embeddings."""

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, PATH, "embeddings")
        document = object_of(raw)
        asked = told(document, {"model"})
        endpoint.contract.request.check(asked)
        form = Form(document["model"], raw.request_id, asked={"encoding_format": asked.get("encoding_format", "float")})
        return Read(Payload(as_sent(raw, asked)), JSON, form)

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect.

        Raises: ContractViolation (502).
        """
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        fields = {"object": Raw(b'"list"'), "data": Raw(b"[]"), "usage": Raw(b"null"), **fields_of(body)}
        fields["model"] = Raw(encode(form.model))
        fields["data"] = Raw(encode(_in_format(fields["data"], form.asked["encoding_format"])))
        return encode(fields), JSON

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        return NoEvents()

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return rate_fields(quotas)


class NoEvents:
    """The writer of a path that never streams; implements ports.EventWriter."""

    keep_alive = b""

    def event(self, event: bytes) -> bytes:
        """See ports.EventWriter."""
        raise ContractViolation(reason="events came for a path that does not stream")

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter."""
        return b""

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter."""
        return b"data: " + encode(error_document(error)) + b"\n\n"


def _in_format(data: Raw, asked: str) -> list[_Vector]:
    try:
        vectors = _vectors(data)
        for vector in vectors:
            if asked == BASE64 and isinstance(vector.embedding, list):
                vector.embedding = packed(vector.embedding)
            elif asked != BASE64 and isinstance(vector.embedding, str):
                vector.embedding = unpacked(vector.embedding)
    except (DecodeError, ValidationError, ValueError, struct.error, OverflowError) as error:
        raise ContractViolation(reason=f"embeddings cannot be read: {error}") from None
    return vectors


def packed(vector: list[float]) -> str:
    """Base64 of little-endian 32-bit floats."""
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def unpacked(text: str) -> list[float]:
    """The numbers of such a text."""
    content = b64decode(text, validate=True)
    return list(struct.unpack(f"<{len(content) // _FLOAT_BYTES}f", content))
