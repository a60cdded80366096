"""THE STORY: the path of every request, whatever door it came through. Read this first.

arrive → identify → admit → parse → authorise → choose → run → record → respond

Each step needs the value that the step above it returned, so no step can be left out. Nothing here knows a
server, a store or a clock; it waits on Pending results only, so no task is spent on a call.
"""

from functools import partial

from headworks.errors import HeadworksError
from headworks.ports import Dialect, Parts
from headworks.recording import Replay
from headworks.request.act import act
from headworks.request.admit import admit
from headworks.request.answer import answer
from headworks.request.arrive import arrive
from headworks.request.authorise import authorise, counted, permit
from headworks.request.choose import choose
from headworks.request.identify import identify
from headworks.request.parse import OFF_LOOP_BYTES, parse, parse_size_hint
from headworks.request.record import Line
from headworks.request.respond import problem, replayed, respond, streamed
from headworks.request.shape import shaped
from headworks.request.stream import RecordedStream, kept_on, writer_of
from headworks.values import Call, Held, RawRequest, Reply


async def serve(raw: RawRequest, parts: Parts) -> Reply:
    """The reply to one request; whatever happens, the call is recorded once and gives back what it held."""
    line, held = Line(raw, parts, parts.clock.wall_ns()), Held()
    try:
        matched = line.matched = arrive(raw, parts.routes)
        caller = line.caller = identify(raw, matched, parts.keys, line.at_wall_ns)
        admission = admit(caller, parts.limits, held, raw.arrived_ns)
        if (dialect := parts.dialects.get(matched.route.operation)) is None:
            return await act(raw, matched, admission, parts, line)
        is_short = len(raw.body) <= OFF_LOOP_BYTES or parse_size_hint(raw) <= OFF_LOOP_BYTES
        named = raw, matched, parts.endpoints
        line.endpoint = dialect.endpoint(*named) if is_short else await parts.offload(partial(dialect.endpoint, *named))
        endpoint = permit(caller, line.endpoint, line.at_wall_ns)
        asked = raw, endpoint, dialect, raw.arrived_ns
        call = line.call = parse(*asked) if is_short else await parts.offload(partial(parse, *asked))
        line.parsed_ns = parts.clock.monotonic_ns()
        if call.idempotency_key is not None and (earlier := await line.claim(call)) is not None:
            return await _repeated(earlier, call, line, dialect)
        grant = authorise(admission, call, parts, held, line.parsed_ns)
        plan = choose(grant, parts.targets, parts.peers, raw.request_id)
        if call.is_stream:
            await line.open()
        outcome = line.answer = shaped(call, await kept_on(answer(plan, parts, line), call, line, held, dialect))
        grant = counted(grant, parts)
        if outcome.stream is not None:
            chunks = RecordedStream(outcome.stream, line, held, writer_of(call, outcome, dialect))
            return streamed(grant, outcome, raw.request_id, dialect, chunks)
        reply = respond(grant, outcome, raw.request_id, dialect)
        await line.commit(reply.status, outcome.body, outcome.media)
        line.end()
        return reply
    except Exception as error:  # the boundary
        return await _refused(error, line, parts)
    finally:
        held.release()


async def _repeated(earlier: Replay, call: Call, line: Line, dialect: Dialect) -> Reply:
    """The answer that an earlier call with the same Idempotency-Key had, once this one is recorded."""
    await line.commit(earlier.status, b"", earlier.media, "replayed")
    line.end()
    return replayed(call, earlier, line.raw.request_id, dialect)


async def _refused(failure: Exception, line: Line, parts: Parts) -> Reply:
    """The reply that tells an error, once the refusal is recorded; when it cannot be, that is the error.

    What has no name is logged, and answered as 500. A stream whose reply could not be made is stopped, so that its
    target does not work on for nobody.
    """
    error = line.named(failure)
    if line.answer.stream is not None:
        line.answer.stream.cancel()
    try:
        await line.refused(error)
    except HeadworksError as unrecorded:
        error = unrecorded
    operation = line.matched.route.operation if line.matched is not None else ""
    return parts.refusals.get(operation, problem)(error, line.raw.request_id, line.raw.path)
