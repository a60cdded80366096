"""A vector of a call's question: a call of its own, to the embeddings that the endpoint names, with a record of its own."""

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder

from headworks.contract.schema import JSON
from headworks.errors import ContractViolation, HeadworksError
from headworks.ports import Embedded, Parts
from headworks.request.authorise import authorise
from headworks.request.choose import choose
from headworks.request.record import Line
from headworks.request.run import run
from headworks.units import SECOND_NS
from headworks.values import Admission, Auth, Call, Caller, Endpoint, Held, Matched, Outcome, Payload, RawRequest, Route

VIA = "cache"
"""How such a call came in, in the record."""
TIME_PART = 4
"""At most this part of the time that is left goes into a vector."""
MOST_BYTES = 256 * 2**10
"""What is larger holds no vector that is compared, and would keep the event loop busy."""
ROUTE = Matched(Route("POST", "(similar)", Auth.KEY, "cache.embed", 0), {})


class _One(Struct):
    embedding: list[float]


class _Vectors(Struct):
    data: list[_One]


_encode = Encoder().encode
_decode = Decoder(_Vectors).decode


async def embedded(text: str, call: Call, asked_by: Line, parts: Parts) -> Embedded:
    """The text's vector, asked for on behalf of the call's caller: its budget, its person, its record.

    The caller needs no scope for the embeddings, and its own rate is not taken from: it asked for one thing, once. What
    the embeddings' own version limits (rate, concurrency, money) holds. The record of this call names the other's id.

    Raises: what any call raises; ContractViolation for an answer that holds not just one vector of numbers.
    """
    endpoint = call.endpoint.embedder
    if endpoint is None:
        raise ContractViolation(reason=f"{call.endpoint.id} names nothing that makes vectors")
    now_ns = parts.clock.monotonic_ns()
    share_ns = min(_timeout_ns(call.endpoint), (call.deadline_ns - now_ns) // TIME_PART)
    document = _encode({"input": text})
    raw = RawRequest(
        parts.new_id(), "POST", ROUTE.route.template, "", {}, document, asked_by.raw.peer, now_ns, True, VIA
    )
    inner = Call(
        endpoint, Payload(document), JSON, now_ns + share_ns, call.subject, client_request_id=asked_by.raw.request_id
    )
    line = Line(raw, parts, parts.clock.wall_ns())
    line.matched, line.caller, line.endpoint, line.call, line.parsed_ns = (
        ROUTE,
        asked_by.caller,
        endpoint,
        inner,
        now_ns,
    )
    return _vector(await _recorded(line, inner, asked_by.caller, parts))


async def _recorded(line: Line, call: Call, caller: Caller, parts: Parts) -> Outcome:
    """The outcome, once the call's record is written; a failure is recorded as well.

    Raises: what any call raises.
    """
    held = Held()
    try:
        grant = authorise(Admission(caller, None), call, parts, held, line.parsed_ns)
        plan = choose(grant, parts.targets, parts.peers, line.raw.request_id)
        outcome = line.answer = await run(plan, parts.clock, line)
        await line.commit(outcome.status, outcome.body, outcome.media)
        line.end()
        return outcome
    except HeadworksError as error:
        await line.refused(error)
        raise
    finally:
        held.release()


def _vector(outcome: Outcome) -> Embedded:
    if len(outcome.body) > MOST_BYTES:
        raise ContractViolation(reason=f"{outcome.target} gave {len(outcome.body)} bytes for one vector")
    try:
        found = _decode(outcome.body).data
    except MsgspecError:
        raise ContractViolation(reason=f"{outcome.target} gave no vector of numbers") from None
    if len(found) != 1:
        raise ContractViolation(reason=f"{outcome.target} gave {len(found)} vectors for one text")
    return Embedded(f"{outcome.target}\n{outcome.model_version}", found[0].embedding)


def _timeout_ns(endpoint: Endpoint) -> int:
    semantic = None if endpoint.cache is None else endpoint.cache.semantic
    return 0 if semantic is None else int(semantic.timeout_s * SECOND_NS)
