import dataclasses
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from headworks.declare import Context, DType, Image, Shape
from headworks.errors import ConfigurationRefused
from headworks.targets.models.signature import Signature, read_signature

if TYPE_CHECKING:
    from decimal import Decimal


@dataclasses.dataclass
class Row:
    x: float


def batch(rows: list[Row]) -> list[float]: ...
def single(row: Row) -> float: ...
def list_in(row: list[float]) -> float: ...
def list_out(image: Image) -> list[str]: ...
def stream(row: Row) -> Iterator[str]:
    yield ""


def generator(row: list[Row]) -> Generator[str, None, None]:
    yield ""


async def waits(row: Row) -> float: ...
async def waits_for_many(rows: list[Row]) -> list[float]: ...
async def async_stream(row: Row) -> AsyncIterator[str]:
    yield ""


def knows(row: Row, context: Context) -> float: ...
def knows_many(rows: list[Row], *, context: list[Context]) -> list[float]: ...
def optional(row: Row, beam: int = 4) -> float: ...


READ = {
    batch: Signature(Row, float, is_batch=True),
    single: Signature(Row, float),
    list_in: Signature(list[float], float),
    list_out: Signature(Image, list[str]),
    stream: Signature(Row, str, is_stream=True),
    generator: Signature(list[Row], str, is_stream=True),
    waits: Signature(Row, float, is_async=True),
    waits_for_many: Signature(Row, float, is_batch=True, is_async=True),
    async_stream: Signature(Row, str, is_stream=True, is_async=True),
    knows: Signature(Row, float, takes_context=True),
    knows_many: Signature(Row, float, is_batch=True, takes_context=True),
    optional: Signature(Row, float),
}


@pytest.mark.parametrize("predict", READ, ids=lambda predict: predict.__name__)
def test_annotations_decide_how_a_model_is_called(predict):
    assert read_signature(predict, "M") == READ[predict]


Rows = Annotated[np.ndarray, Shape(None, 30), DType("float32")]
Fixed = Annotated[np.ndarray, Shape(2, 30)]
Scores = Annotated[np.ndarray, Shape(None), DType("float32")]
Table = Annotated[pd.DataFrame, Row]


def array_batch(x: Rows) -> np.ndarray: ...
def array_scores(x: Rows) -> Scores: ...
def array_to_list(x: Rows) -> list[float]: ...
def array_whole(x: Fixed) -> np.ndarray: ...
def array_to_one(x: Rows) -> float: ...
def array_to_fixed(x: Rows) -> Fixed: ...
def list_to_array(rows: list[Row]) -> NDArray[np.float32]: ...
def table(rows: Table) -> list[float]: ...
def table_both(rows: Table) -> Table: ...


def _shapes(predict):
    signature = read_signature(predict, "M")
    return [next(iter(getattr(t, "__metadata__", (None,)))) for t in (signature.request, signature.reply)]


@pytest.mark.parametrize(
    ("predict", "is_batch", "shapes"),
    [
        (array_batch, True, [(30,), None]),
        (array_scores, True, [(30,), ()]),
        (array_to_list, True, [(30,), None]),
        (array_whole, False, [(2, 30), None]),
        (array_to_one, False, [(None, 30), None]),
        (array_to_fixed, False, [(None, 30), (2, 30)]),
        (list_to_array, True, [None, None]),
        (table, True, [Row, None]),
        (table_both, True, [Row, Row]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_open_first_dimension_is_the_batch(predict, is_batch, shapes):
    assert read_signature(predict, "M").is_batch is is_batch
    assert _shapes(predict) == shapes


def no_annotation(rows) -> float: ...
def no_return(rows: Row): ...
def returns_none(rows: Row) -> None: ...
def nothing() -> float: ...
def two(a: Row, b: Row) -> float: ...
def keywords(**rows: Row) -> float: ...
def bare_list(rows: list) -> list[float]: ...
def not_yielding(row: Row) -> Iterator[str]: ...
def yields_bare(row: Row) -> str:
    yield ""


def yields_anything(row: Row) -> Iterator:
    yield ""


async def yields_sync(row: Row) -> Iterator[str]:
    yield ""


def unresolved(row: "Decimal") -> float: ...
def shapeless(row: np.ndarray) -> float: ...
def shapeless_stream(row: np.ndarray) -> Iterator[float]:
    yield 0.0


def table_to_one(rows: Table) -> float: ...


@pytest.mark.parametrize(
    ("predict", "words"),
    [
        (no_annotation, ["'rows'", "no annotation", "list[Review]"]),
        (no_return, ["return value", "-> list[Label]"]),
        (returns_none, ["return None"]),
        (nothing, ["takes no input"]),
        (two, ["more than one input (b)", "msgspec.Struct"]),
        (keywords, ["takes no input"]),
        (bare_list, ["does not say of what", "list[X]"]),
        (not_yielding, ["does not yield", "Iterator[Event]"]),
        (yields_bare, ["it yields", "Iterator[Event]"]),
        (yields_anything, ["it yields", "Iterator[Event]"]),
        (yields_sync, ["it yields", "AsyncIterator[Event]"]),
        (unresolved, ["cannot be resolved", "Decimal"]),
        (shapeless, ["'row' has no shape", "headworks.Shape(None, 30)"]),
        (shapeless_stream, ["'row' has no shape"]),
        (table_to_one, ["DataFrame is a batch", "list[Y]"]),
        (iter, ["not a Python function", "def"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_read_is_refused_with_the_place_and_the_fix(predict, words):
    with pytest.raises(ConfigurationRefused) as caught:
        read_signature(predict, "Fraud.predict")

    assert caught.value.detail.startswith("Fraud.predict: ")
    for word in words:
        assert word in caught.value.detail


def test_a_wrapped_function_is_read_through_its_wrapper():
    import functools

    @functools.wraps(batch)
    def wrapper(*args: Any) -> Any:
        return batch(*args)

    assert read_signature(wrapper, "M") == READ[batch]
