"""POST /v1/messages over a chat target; an endpoint of the task `messages` is asked as it stands."""

from datetime import UTC, datetime

from headworks.contract.schema import EVENTS, JSON
from headworks.dialects.anthropic.asked import chat_request, own_pointer, wants_thoughts
from headworks.dialects.anthropic.events import MessagesEvents, MessageWriter, encode
from headworks.dialects.anthropic.told import Form, whole_message
from headworks.dialects.by_model import ByModel
from headworks.dialects.chat_view import chat_view
from headworks.dialects.openai.body import as_sent, flag, object_of, serves, told, under_its_name
from headworks.dialects.openai.fields import tightest_of
from headworks.dialects.own_names import check
from headworks.ports import EventWriter, Read
from headworks.units import SECOND_NS, RequestId, minted_wall_ns
from headworks.values import Call, Endpoint, Payload, Quota, RawRequest

PATH = "/v1/messages"


class Messages(ByModel):
    """Implements ports.Dialect for Messages."""

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, PATH, "chat", "messages")
        document = object_of(raw)
        media = EVENTS if flag(document, "stream") else JSON
        if endpoint.task == "messages":
            beside = features(raw)
            asked = {**told(document, {"model", "stream"}), **beside}
            endpoint.contract.request.check(asked)
            sent = Payload(as_sent(raw, asked, beside))
            return Read(sent, media, Form(document["model"], raw.request_id, is_same=True))
        asked = chat_request(document)
        check(endpoint.contract.request, asked, lambda pointer: own_pointer(document, pointer))
        return Read(Payload(encode(asked)), media, Form(document["model"], raw.request_id, wants_thoughts(document)))

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect."""
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        if form.is_same:
            return under_its_name(form.model, body), JSON
        return encode(whole_message(form, chat_view(body))), JSON

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        return MessagesEvents(form.model) if form.is_same else MessageWriter(form)

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return ("request-id", request_id), *rate_fields(request_id, quotas)


def features(raw: RawRequest) -> dict[str, list[str]]:
    """The vendor's features under test that the head asks for, as the task has them; the version of the dialect is ours to say."""
    said = raw.headers.get("anthropic-beta")
    named = [] if said is None else [name.strip() for name in said.split(",") if name.strip()]
    return {"anthropic_beta": named} if named else {}


def rate_fields(request_id: str, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
    """What is left of calls and of tokens (of input and output together), of each the quota that ends first.

    Source: docs.anthropic.com, "Rate limits".
    """
    minted_s = (minted_wall_ns(request_id) or 0) // SECOND_NS
    return tuple(
        field
        for unit, tightest in tightest_of(quotas)
        for field in (
            (f"anthropic-ratelimit-{unit}-limit", str(tightest.limit)),
            (f"anthropic-ratelimit-{unit}-remaining", str(tightest.remaining)),
            (f"anthropic-ratelimit-{unit}-reset", _moment(minted_s + int(tightest.reset_s) + 1)),
        )
    )


def _moment(wall_s: int) -> str:
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
