"""How a team declares a model: a class, or a marked function, and the types of what goes in and comes out.

Nothing here loads, calls or validates anything; the worker process does (targets/models). The module is not called
`model`, for that name of the package is the decorator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from msgspec import Struct

from headworks.units import SECOND_NS, SystemClock

if TYPE_CHECKING:
    from PIL.Image import Image
else:
    from headworks.contract.image import Image

__all__ = ["MARK", "Context", "DType", "Image", "Marked", "Model", "Shape", "model"]

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__headworks_model__"
"""Name of the attribute that a marked function carries."""


class Model:
    """A model of your own: `load` once in a worker process, `predict` for every call.

    The annotations of `predict` are the public contract: `list[X] -> list[Y]` takes many rows at once, `X -> Y` one,
    a generator streams. `examples` are inputs of one row, run before the model takes traffic.
    """

    examples: ClassVar[Sequence[Any]] = ()
    description: ClassVar[str] = ""
    version: ClassVar[str] = ""

    def load(self) -> None:
        """Read weights and build what `predict` needs; runs once, before the examples."""

    if TYPE_CHECKING:
        predict: Callable[..., Any]


class Marked(Struct, frozen=True):
    """What `@headworks.model` remembers of a function."""

    examples: tuple[Any, ...] = ()
    description: str = ""
    version: str = ""


@overload
def model(function: F, /) -> F: ...


@overload
def model(*, examples: Iterable[Any] = ..., description: str = ..., version: str = ...) -> Callable[[F], F]: ...


def model(
    function: F | None = None, /, *, examples: Iterable[Any] = (), description: str = "", version: str = ""
) -> F | Callable[[F], F]:
    """Mark a function as a model; it stays an ordinary function. Works with and without arguments."""
    marked = Marked(tuple(examples), description, version)

    def mark(function: F) -> F:
        setattr(function, MARK, marked)
        return function

    return mark if function is None else mark(function)


class Context(Struct, frozen=True):
    """What a model may know of the call it serves, if `predict` declares a second parameter `context`.

    A batch model gets a list of these, one a row.

    Units: `deadline_ns` on the machine's monotonic clock; None when there is no deadline.
    """

    request_id: str = ""
    deadline_ns: int | None = None

    def remaining_s(self) -> float:
        """Seconds left before the caller stops waiting; infinite without a deadline."""
        if self.deadline_ns is None:
            return float("inf")
        return (self.deadline_ns - SystemClock.monotonic_ns()) / SECOND_NS


class Shape(tuple[int | None, ...]):
    """The shape of an array, for `Annotated[np.ndarray, Shape(None, 30)]`; None is any length.

    A first None makes `predict` take a batch, each row having the rest of the shape.
    """

    __slots__ = ()

    def __new__(cls, *sizes: int | None) -> Shape:
        """Raises: ValueError for a size that is neither None nor a whole number from 0; -1 is read as None."""
        read = tuple(None if size == -1 else size for size in sizes)
        if any(size is not None and (type(size) is not int or size < 0) for size in read):
            raise ValueError(f"Shape{sizes!r}: each size is a whole number from 0, or None for any length")
        return super().__new__(cls, read)

    def __repr__(self) -> str:
        return f"Shape({', '.join(str(size) for size in self)})"


class DType(str):
    """The element type of an array, for `Annotated[np.ndarray, Shape(30), DType("float32")]`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"DType({str(self)!r})"
