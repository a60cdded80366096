"""What the annotations of a `predict` mean, read once when the model is loaded.

`list[X] -> list[Y]` takes a batch, `X -> Y` one row, a generator streams, a coroutine function is awaited.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Struct

from headworks.declare import Shape
from headworks.errors import ConfigurationRefused
from headworks.targets.models.codec import library_of

_STREAMS = (Iterator, Generator, Iterable)
_ASYNC_STREAMS = (AsyncIterator, AsyncGenerator, AsyncIterable)
_DATA_FRAMES = {("pandas", "DataFrame"), ("pandas.core.frame", "DataFrame")}
_ARRAY = ("numpy", "ndarray")


class Signature(Struct, frozen=True):
    """How a `predict` is called and what one row of it is.

    Shapes: `request` and `reply` are the types of ONE row (of one event, when it streams).
    """

    request: Any
    reply: Any
    is_batch: bool = False
    is_stream: bool = False
    is_async: bool = False
    takes_context: bool = False


def read_signature(predict: Callable[..., Any], owner: str) -> Signature:
    """What the annotations of a bound method or function declare; `owner` is how errors name it.

    Raises: ConfigurationRefused, naming the class, the parameter and the fix.
    """
    parameter, takes_context = _parameters(predict, owner)
    hints = _hints(predict, owner)
    if parameter not in hints:
        raise _refused(owner, f"parameter {parameter!r} has no annotation", f"Write {parameter}: list[Review], say.")
    if "return" not in hints:
        raise _refused(owner, "the return value has no annotation", "Write -> list[Label], say.")
    taken, given = hints[parameter], hints["return"]
    if given is None or given is type(None):
        raise _refused(owner, "it is annotated to return None", "Annotate what it returns.")
    is_generator = inspect.isgeneratorfunction(predict)
    is_async_generator = inspect.isasyncgenfunction(predict)
    event = _event(given, is_generator, is_async_generator, owner)
    is_async = is_async_generator or inspect.iscoroutinefunction(predict)
    if event is not None:
        _require_shape(taken, owner, parameter)
        return Signature(taken, event, is_stream=True, is_async=is_async, takes_context=takes_context)
    rows = _rows(taken, given, owner, parameter)
    if rows is not None:
        return Signature(*rows, is_batch=True, is_async=is_async, takes_context=takes_context)
    return Signature(taken, given, is_async=is_async, takes_context=takes_context)


def _parameters(predict: Callable[..., Any], owner: str) -> tuple[str, bool]:
    """The name of the input parameter, and whether a second one, `context`, is declared."""
    try:
        declared = list(inspect.signature(predict).parameters.values())
    except (TypeError, ValueError) as error:
        raise _refused(owner, "it is not a Python function", "Define it with def.") from error
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    if not declared or declared[0].kind not in kinds:
        raise _refused(owner, "it takes no input", "Give it one annotated parameter: the row or the batch.")
    extra = [
        parameter.name
        for parameter in declared[1:]
        if parameter.name != "context" and parameter.default is parameter.empty and parameter.kind in kinds
    ]
    if extra:
        fix = "Put all inputs into one msgspec.Struct, dataclass or pydantic model; only `context` may come second."
        raise _refused(owner, f"it takes more than one input ({', '.join(extra)})", fix)
    return declared[0].name, any(parameter.name == "context" for parameter in declared[1:])


def _hints(predict: Callable[..., Any], owner: str) -> dict[str, Any]:
    function = inspect.unwrap(getattr(predict, "__func__", predict))
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        fix = "Import the type where the module is loaded, not only for typing, and define it at module level."
        raise _refused(owner, f"an annotation cannot be resolved ({error})", fix) from error


def _event(given: Any, is_generator: bool, is_async_generator: bool, owner: str) -> Any:
    """The type of one event, if the return annotation is that of a stream."""
    origin = get_origin(given) or given
    is_declared = origin in _STREAMS or origin in _ASYNC_STREAMS
    if not is_declared and not is_generator and not is_async_generator:
        return None
    expected = "AsyncIterator" if is_async_generator else "Iterator"
    fix = f"Write -> {expected}[Event] with the type of one event."
    if not (is_generator or is_async_generator):
        raise _refused(owner, f"it is annotated to return {_shown(given)} but does not yield", fix)
    if not is_declared or (origin in _ASYNC_STREAMS) is not is_async_generator or not get_args(given):
        raise _refused(owner, f"it yields, but is annotated to return {_shown(given)}", fix)
    return get_args(given)[0]


def _rows(taken: Any, given: Any, owner: str, parameter: str) -> tuple[Any, Any] | None:
    """The types of one row in and out, if the annotations declare a batch."""
    if library_of(taken) in _DATA_FRAMES:
        reply = _batch_reply(given)
        if reply is None:
            raise _refused(owner, "a DataFrame is a batch, but the reply is not", "Return list[Y], one Y a row.")
        return taken, reply
    if library_of(taken) == _ARRAY:
        shape = _require_shape(taken, owner, parameter)
        reply = _batch_reply(given)
        is_batch = len(shape) > 0 and shape[0] is None and reply is not None
        return (_one_row(taken), reply) if is_batch else None
    if get_origin(taken) is list and library_of(given) not in _DATA_FRAMES:
        reply = _batch_reply(given)
        return None if reply is None else (get_args(taken)[0], reply)
    if taken is list or given is list:
        raise _refused(owner, "`list` does not say of what", "Write list[X] with the type of one row.")
    return None


def _batch_reply(given: Any) -> Any:
    """The type of one row's reply, if the reply is declared as a batch of them."""
    if get_origin(given) is list:
        return get_args(given)[0]
    if library_of(given) in _DATA_FRAMES:
        return given
    if library_of(given) != _ARRAY:
        return None
    shape = _shape(given)
    if shape is None:
        return given
    return _one_row(given) if len(shape) > 0 and shape[0] is None else None


def _shape(array: Any) -> Shape | None:
    notes = get_args(array)[1:] if get_origin(array) is Annotated else ()
    return next((note for note in notes if isinstance(note, Shape)), None)


def _require_shape(taken: Any, owner: str, parameter: str) -> Shape:
    """The declared shape of an array input; an empty one for any other type."""
    if library_of(taken) != _ARRAY:
        return Shape()
    shape = _shape(taken)
    if shape is None:
        fix = f'Write {parameter}: Annotated[np.ndarray, headworks.Shape(None, 30), headworks.DType("float32")].'
        raise _refused(owner, f"the array {parameter!r} has no shape", fix)
    return shape


def _one_row(array: Any) -> Any:
    """The same array type without its first dimension."""
    bare, *notes = get_args(array)
    shorter = [Shape(*note[1:]) if isinstance(note, Shape) else note for note in notes]
    return Annotated[(bare, *shorter)]


def _shown(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or str(annotation)


def _refused(owner: str, what: str, fix: str) -> ConfigurationRefused:
    return ConfigurationRefused(f"{owner}: {what}. {fix}")
