"""The native way to ask: the path names the endpoint, the body is its own type in any of the forms it takes."""

from headworks.contract.schema import CSV, JSON
from headworks.costs import Usage
from headworks.dialects.native.body import json_payload, payload
from headworks.dialects.native.events import KEEP_ALIVE, ending_chunk, event_chunk, spoken_chunk
from headworks.dialects.native.forward import forwarded
from headworks.dialects.native.media import chosen
from headworks.dialects.native.table import table_of
from headworks.errors import HeadworksError
from headworks.ports import Endpoints, Read
from headworks.units import RequestId
from headworks.values import Call, Endpoint, Matched, Quota, RawRequest

CSV_TYPE = "text/csv; charset=utf-8; header=present"
WHOLE_HTTP = "message/http"
SPOKEN = frozenset({"chat", "completion"})


class NativeEvents:
    """Events as the native form writes them; implements ports.EventWriter."""

    keep_alive = KEEP_ALIVE
    event = staticmethod(event_chunk)

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter."""
        return ending_chunk(None, "", "")

    @staticmethod
    def failed(error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter."""
        return ending_chunk(error, request_id, instance)


class SpokenEvents(NativeEvents):
    """The same for chunks of language models; implements ports.EventWriter."""

    event = staticmethod(spoken_chunk)


class Native:
    """Implements ports.Dialect for `/api/{endpoint}/v{version}`, applications behind an endpoint included."""

    _writer, _spoken = NativeEvents(), SpokenEvents()

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """See ports.Dialect."""
        return endpoints.of(matched)

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        if endpoint.is_http:
            return Read(forwarded(raw, endpoint), WHOLE_HTTP)
        headers, contract = raw.headers, endpoint.contract
        accept = headers.get("accept")
        reply_media = contract.media[0] if accept is None else chosen(accept, contract.media)
        content_type = headers.get("content-type")
        if content_type is None or content_type == JSON:
            return Read(json_payload(raw.body, contract), reply_media)
        return Read(payload(raw.body, content_type, raw.query, contract), reply_media)

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect; a table where CSV was asked for."""
        if media == JSON and call.reply_media == CSV:
            contract = call.endpoint.contract
            is_array = call.payload.is_array or (contract.is_stream and contract.event is None)
            return table_of(body, contract.columns, is_array), CSV_TYPE
        return body, media

    def writer(self, call: Call) -> NativeEvents:
        """See ports.Dialect."""
        return self._spoken if call.endpoint.task in SPOKEN else self._writer

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect; our own fields say it all."""
        return ()
