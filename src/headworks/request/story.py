"""THE STORY: the path of every request, whatever door it came through. Read this first.

arrive → identify → admit → parse → authorise → choose → run → record → respond

Each step needs the value that the step above it returned, so no step can be left out. Nothing here knows a
server, a store or a clock; it waits on Pending results only, so no task is spent on a call.
"""

from headworks.errors import HeadworksError, Internal
from headworks.ports import Parts
from headworks.request.act import act
from headworks.request.admit import admit
from headworks.request.arrive import arrive
from headworks.request.authorise import authorise, permit
from headworks.request.choose import choose
from headworks.request.identify import identify
from headworks.request.parse import OFF_LOOP_BYTES, parse, parse_size_hint
from headworks.request.record import Line
from headworks.request.respond import problem, replayed, respond, streamed
from headworks.request.run import run
from headworks.request.stream import recorded_stream
from headworks.values import Call, Endpoint, Held, RawRequest, Reply

CALLS = frozenset({"call", "forward"})


async def serve(raw: RawRequest, parts: Parts) -> Reply:
    """The reply to one request; whatever happens, the call is recorded once and gives back what it held."""
    line = Line(raw, parts)
    with Held() as held:
        try:
            return await _steps(raw, parts, line, held)
        except HeadworksError as error:
            return await _refused(error, raw, line)
        except Exception as error:  # the boundary: what has no name is logged, and answered as 500
            parts.watch.failed(raw.request_id, error)
            return await _refused(Internal(), raw, line)


async def _steps(raw: RawRequest, parts: Parts, line: Line, held: Held) -> Reply:
    matched = line.takes(arrive(raw, parts.routes))
    caller = line.called_by(identify(raw, matched, parts.keys, line.entry.at_wall_ns))
    admission = admit(caller, parts.limits, held, raw.arrived_ns)
    if matched.route.operation not in CALLS:
        return await act(raw, matched, admission, parts, line)
    endpoint = permit(caller, line.about(parts.endpoints.of(matched)), line.entry.at_wall_ns)
    call = line.asks(await _parsed(raw, endpoint, parts))
    parsed_ns = parts.clock.monotonic_ns()
    if call.idempotency_key is not None and (earlier := await line.claim(call)) is not None:
        await line.commit(earlier.status, b"", earlier.media, "replayed")
        return replayed(call, earlier, raw.request_id)
    grant = authorise(admission, call, parts, held, parsed_ns)
    plan = choose(grant, parts.targets, raw.request_id)
    if call.is_stream:
        await line.open()
    outcome, attempts = await run(plan, parts.clock)
    line.answered_by(outcome, attempts, parsed_ns)
    if outcome.stream is not None:
        chunks = recorded_stream(outcome.stream, line, held.hand_over())
        return streamed(grant, outcome, raw.request_id, chunks)
    reply = respond(grant, outcome, raw.request_id)
    await line.commit(reply.status, outcome.body, outcome.media)
    return reply


async def _parsed(raw: RawRequest, endpoint: Endpoint, parts: Parts) -> Call:
    """The call; a large body is read on a thread, so that others and health stay quick."""
    if parse_size_hint(raw) <= OFF_LOOP_BYTES:
        return parse(raw, endpoint, raw.arrived_ns)
    return await parts.offload(lambda: parse(raw, endpoint, raw.arrived_ns))


async def _refused(error: HeadworksError, raw: RawRequest, line: Line) -> Reply:
    """The reply that tells an error, once the refusal is recorded; when it cannot be, that is the error."""
    try:
        await line.refused(error)
    except HeadworksError as unrecorded:
        error = unrecorded
    return problem(error, raw.request_id, raw.path)
