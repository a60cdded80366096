"""How a worker tells of an error: its place in the answer's reason, its trace on standard error, both bounded and without content."""

import sys
import traceback
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, TypeVar

from headworks.errors import HeadworksError
from headworks.targets.models.messages import Failure
from headworks.targets.models.runner import RowFailed

T = TypeVar("T")

LONGEST_REASON = 500
TRACES_APART_NS = 1_000_000_000
DEEPEST_TRACE = 20
MOST_CAUSES = 4

_last_trace_ns = [0]


def tried(work: Callable[..., T], *arguments: Any) -> tuple[T | None, BaseException | None]:
    """What the team's code gave, or what it raised: even SystemExit is an error of the model and not our end."""
    try:
        return work(*arguments), None
    except BaseException as error:
        return None, error


def failure(call_id: int, error: BaseException) -> Failure:
    """What an error means to the caller of this id; an error that is not ours says its type and place only."""
    if isinstance(error, HeadworksError):
        return Failure(call_id, error.code, error.errors, error.reason[:LONGEST_REASON])
    return Failure(call_id, "model_error", (), place(error))


def failed_row(error: BaseException) -> RowFailed:
    """The same for one row of a batch."""
    if isinstance(error, HeadworksError):
        return RowFailed(error.code, error.errors, error.reason[:LONGEST_REASON])
    return RowFailed("model_error", reason=place(error))


def place(error: BaseException) -> str:
    """The type of an error and where it was raised, without its text, which may hold a caller's content."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    kind = type(error).__name__
    if trace is None:
        return kind
    code = trace.tb_frame.f_code
    return f"{kind} in {code.co_name}, {code.co_filename}:{trace.tb_lineno}"[:LONGEST_REASON]


def report(error: BaseException, *, is_told_whole: bool = False) -> None:
    """Print the trace of an error of the model, at most one a second.

    What the error says of itself may hold a caller's content and is left out, unless no call can have been served yet.
    """
    now_ns = monotonic_ns()
    if now_ns - _last_trace_ns[0] < TRACES_APART_NS:
        return
    _last_trace_ns[0] = now_ns
    if is_told_whole:
        traceback.print_exception(error, limit=DEEPEST_TRACE, file=sys.stderr)
    else:
        sys.stderr.write(_trace(error))


def _trace(error: BaseException) -> str:
    """Where an error and what led to it were raised, without their texts; the first of them comes first."""
    told: list[str] = []
    following: BaseException | None = error
    while following is not None and len(told) < MOST_CAUSES:
        frames = "".join(traceback.format_tb(following.__traceback__, -DEEPEST_TRACE))
        told.append(f"{frames}{type(following).__qualname__}: its text is left out, it may hold a caller's content\n")
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return "which led to\n".join(reversed(told))
