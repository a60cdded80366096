"""POST /v1/messages/count_tokens: counted by the endpoint's first target where that can, else estimated."""

from functools import lru_cache

from msgspec import structs

from headworks.contract import tasks
from headworks.contract.schema import JSON, Contract, contract_from
from headworks.dialects.anthropic.asked import chat_request, own_pointer
from headworks.dialects.anthropic.events import encode
from headworks.dialects.anthropic.messages import Messages, features
from headworks.dialects.anthropic.told import Form
from headworks.dialects.naming import endpoint_named
from headworks.dialects.openai.body import as_sent, model_of, object_of, serves, told
from headworks.dialects.own_names import check
from headworks.errors import ContentRefused, ContextTooLong, ProviderRefused
from headworks.ports import Endpoints, Read
from headworks.values import Call, Endpoint, Matched, Payload, RawRequest, TargetChoice

PATH = "/v1/messages/count_tokens"
REFUSALS = (ProviderRefused, ContextTooLong, ContentRefused)
"""What a service that counts may say of a conversation, or of a model that it does not count for; an estimate is better than nothing."""


class CountTokens(Messages):
    """Implements ports.Dialect for counts: the same call as that of the messages, but for what it asks of whom.

    Shapes: `estimate` names the target that answers when no other can.
    """

    def __init__(self, estimate: str) -> None:
        self._estimate = TargetChoice(estimate)

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """See ports.Dialect; the endpoint under its own name and limits, with the task of counting."""
        found = endpoint_named(model_of(raw), endpoints)
        serves(found, PATH, "chat", "messages")
        task = tasks.counting(found.task)
        first = (TargetChoice(found.counter),) if found.counter else ()
        return structs.replace(
            found,
            task=task,
            contract=_contract(str(task)),
            targets=(*first, self._estimate),
            shadow=(),
            is_outside=bool(first),
            is_balanced=False,
            outliers=None,
            cache=None,
            embedder=None,
            declared=None,
            elsewhere=tuple((refusal.code, self._estimate.name) for refusal in REFUSALS),
            work=None,
        )

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        document = object_of(raw)
        form = Form(document["model"], raw.request_id, is_same=endpoint.task == "message-token-count")
        if form.is_same:
            beside = features(raw)
            asked = {**told(document, {"model", "stream"}), **beside}
            endpoint.contract.request.check(asked)
            return Read(Payload(as_sent(raw, asked, beside)), JSON, form)
        asked = chat_request({"max_tokens": 1, **document})
        check(endpoint.contract.request, asked, lambda pointer: own_pointer(document, pointer))
        del asked["max_tokens"]
        return Read(Payload(encode(asked)), JSON, form)

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect."""
        return body, JSON


@lru_cache(maxsize=2)
def _contract(task: str) -> Contract:
    request, reply = tasks.schemas(task)
    return contract_from(request, reply, False, False, ())
