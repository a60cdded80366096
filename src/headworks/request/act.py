"""Operations of the service itself, on the same path: known caller, admitted, recorded."""

from headworks.ports import Ask, Parts
from headworks.request.record import Line
from headworks.values import Admission, Matched, RawRequest, RecordMode, Reply


async def act(raw: RawRequest, matched: Matched, admission: Admission, parts: Parts, line: Line) -> Reply:
    """The reply of an operation; recorded, without content, when the operation says so; one that changes something also before it runs."""
    action = parts.actions[matched.route.operation]
    if action.is_change:
        line.mode = RecordMode.NONE
        await line.open()
    answer = await action.run(Ask(admission.caller, raw, matched.params))
    headers = (("X-Request-Id", raw.request_id), ("Content-Type", answer.media), *answer.headers)
    if action.is_recorded:
        line.mode = RecordMode.NONE
        await line.commit(answer.status, answer.body, answer.media)
        line.end()
    return Reply(answer.status, headers, answer.body)
