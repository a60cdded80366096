"""POST /v1/responses over a chat target: what is asked becomes a chat, its answer becomes output items.

No response is kept, so each request carries its whole conversation. An endpoint of the task `responses` is asked as it
stands: its target speaks this dialect.
"""

from headworks.contract.schema import EVENTS, JSON
from headworks.dialects.by_model import ByModel
from headworks.dialects.chat_view import chat_view
from headworks.dialects.openai.body import (
    Form,
    as_sent,
    encode,
    flag,
    object_of,
    serves,
    told,
    under_its_name,
)
from headworks.dialects.openai.fields import rate_fields
from headworks.dialects.openai.pictures import refuse_fetching
from headworks.dialects.openai.responses_asked import chat_request, own_pointer
from headworks.dialects.openai.responses_events import ResponsesEvents, ResponsesWriter
from headworks.dialects.openai.responses_told import REPEATED, whole_response
from headworks.dialects.own_names import check
from headworks.ports import EventWriter, Read
from headworks.units import RequestId
from headworks.values import Call, Endpoint, Payload, Quota, RawRequest

PATH = "/v1/responses"


class Responses(ByModel):
    """Implements ports.Dialect for Responses."""

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, PATH, "chat", "responses")
        document = object_of(raw)
        media = EVENTS if flag(document, "stream") else JSON
        if endpoint.task == "responses":
            asked = told(document, {"model", "stream", "stream_options"})
            endpoint.contract.request.check(asked)
            return Read(Payload(as_sent(raw, asked)), media, Form(document["model"], raw.request_id, is_same=True))
        asked = chat_request(document)
        refuse_fetching(asked["messages"])
        check(endpoint.contract.request, asked, lambda pointer: own_pointer(document, pointer))
        repeated = {name: document[name] for name in REPEATED if document.get(name) is not None}
        return Read(Payload(encode(asked)), media, Form(document["model"], raw.request_id, asked=repeated))

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect."""
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        return under_its_name(form.model, body) if form.is_same else encode(whole_response(form, chat_view(body))), JSON

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        return ResponsesEvents(form.model) if form.is_same else ResponsesWriter(form)

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return rate_fields(quotas)
