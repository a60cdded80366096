"""POST /v2/models/{model}[/versions/{version}]/infer: an endpoint asked in tensors."""

from urllib.parse import unquote

from headworks.contract.schema import JSON
from headworks.contract.tensors.signature import signature_of
from headworks.dialects.naming import endpoint_named
from headworks.dialects.native.body import json_payload
from headworks.dialects.native.way import NativeEvents
from headworks.dialects.oip.asked import asked_of, rows_of
from headworks.dialects.oip.told import Wish, check_outputs, encode, told
from headworks.errors import FieldError, NotFound, SchemaViolation
from headworks.ports import Endpoints, EventWriter, Read
from headworks.units import MICROSECOND_NS, RequestId
from headworks.values import Call, Endpoint, Matched, Quota, RawRequest

RAW = "application/octet-stream"


class Infer:
    """Implements ports.Dialect for the Open Inference Protocol."""

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """See ports.Dialect."""
        return model_named(matched.params["model"], matched.params.get("version"), endpoints)

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        if endpoint.is_http:
            raise NotFound(f"{endpoint.name} is an application, not a model; call it below /api.")
        signature = signature_of(endpoint.contract)
        asked = asked_of(raw, signature)
        outputs = None if asked.wanted is None else dict(asked.wanted)
        wish = Wish(endpoint.name, str(endpoint.version), asked.id, outputs, asked.is_raw)
        check_outputs(wish, signature)
        rows, is_array = rows_of(asked, signature)
        if is_array and not rows:
            raise SchemaViolation(errors=(FieldError("/inputs", "must hold at least one row"),))
        document = json_payload(encode(rows if is_array else rows[0]), endpoint.contract)
        return Read(document, JSON, wish, None if asked.timeout_us is None else asked.timeout_us * MICROSECOND_NS)

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect.

        Raises: ContractViolation (502).
        """
        wish: Wish = call.form  # type: ignore[assignment]  # what `read` put there
        contract = call.endpoint.contract
        is_array = call.payload.is_array or (contract.is_stream and contract.event is None)
        written = told(body, is_array, signature_of(contract), wish)
        return written, RAW if wish.json_bytes else JSON

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect; the protocol has no streams, so nothing asks for one."""
        return NativeEvents()

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect; where the JSON ends, when raw bytes follow it."""
        wish: Wish = call.form  # type: ignore[assignment]  # what `read` put there
        return (("Inference-Header-Content-Length", str(wish.json_bytes)),) if wish.json_bytes else ()


def model_named(model: str, version: str | None, endpoints: Endpoints) -> Endpoint:
    """The endpoint that a model's name, and a version's number, mean.

    Raises: NotFound; ModelUnavailable while the service starts.
    """
    name = unquote(model)
    if version is None:
        return endpoint_named(name, endpoints)
    return endpoints.named(name, int(version))
