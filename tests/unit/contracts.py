"""Contracts, endpoints and requests as tests need them."""

from typing import Any

import msgspec

from headworks.contract.schema import Contract, contract_from
from headworks.units import RequestId
from headworks.values import Endpoint, RawRequest, TargetChoice

NUMBERS = {
    "type": "object",
    "properties": {"x": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 30}},
    "required": ["x"],
    "additionalProperties": False,
}
SCORE = {"type": "object", "properties": {"label": {"type": "string"}, "score": {"type": "number"}}}
BASE64 = {"type": "string", "contentEncoding": "base64"}
PICTURE = {**BASE64, "contentMediaType": "image/*"}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "income": {"type": ["number", "null"]},
        "member": {"type": "boolean"},
        "grade": {"enum": ["a", "b", 3]},
        "tags": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
PHOTO = {
    "type": "object",
    "properties": {"image": PICTURE, "top_k": {"type": "integer"}, "labels": {"type": "array"}},
    "required": ["image"],
    "additionalProperties": False,
}


def make_contract(
    request: dict[str, Any] = NUMBERS,
    reply: dict[str, Any] = SCORE,
    is_batch: bool = False,
    is_stream: bool = False,
    examples: tuple[Any, ...] = (),
) -> Contract:
    return contract_from(request, reply, is_batch, is_stream, examples)


def make_endpoint(contract: Contract | None = None, name: str = "score", version: int = 1, **policy: Any) -> Endpoint:
    return Endpoint(
        name,
        version,
        contract or make_contract(),
        (TargetChoice("model"),),
        id=f"{name}/v{version}",
        **policy,
    )


def make_raw(body: Any = b"", query: str = "", **headers: str) -> RawRequest:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RawRequest(RequestId("r1"), "POST", "/api/score/v1", query, named, content, "127.0.0.1", 0)


def form(boundary: str, *parts: tuple[str, str, bytes]) -> bytes:
    out = b""
    for name, content_type, content in parts:
        extra = f"\r\nContent-Type: {content_type}" if content_type else ""
        filename = '; filename="f"' if content_type and content_type != "application/json" else ""
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}{extra}\r\n\r\n'.encode()
        out += content + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()
