"""Declared types of every flavour, made up by hypothesis, with documents that fit them or nearly do."""

import dataclasses
import enum
import itertools
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

import msgspec
import pydantic
from hypothesis import strategies as st
from typing_extensions import TypedDict

NAMES = st.sampled_from(["a", "b", "text", "x_1", "größe", "k/~"])
FIELDS = st.sampled_from(["a", "b", "text", "x_1", "inputs"])
WHOLE = st.one_of(st.integers(-3, 300), st.integers(-(2**70), 2**70), st.sampled_from([0, 1, 2**53, 2**63, 2**64]))
NUMBERS = st.one_of(WHOLE, st.floats(allow_nan=False, allow_infinity=False), st.integers(-5, 5).map(float))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


NUMBERED = itertools.count()


def _name():
    """A class name of its own: two classes of one name cannot share a schema."""
    return f"Made{next(NUMBERED)}"


class Made(NamedTuple):
    """A type, and the documents to try it with."""

    declared: Any
    documents: st.SearchStrategy


def _nearly(fitting):
    return st.one_of(fitting, fitting, fitting, JSON)


def _scalars(meta):
    bounded = {"ge": 0, "le": 100}
    sized = {"min_length": 1, "max_length": 3}
    return [
        Made(bool, st.booleans()),
        Made(int, st.one_of(WHOLE, WHOLE.map(float))),
        Made(float, NUMBERS),
        Made(str, TEXTS),
        Made(Annotated[int, meta(**bounded)], st.integers(-1, 101)),
        Made(Annotated[float, meta(gt=0, lt=1)], st.floats(-0.5, 1.5)),
        Made(Annotated[str, meta(**sized)], TEXTS),
        Made(Literal["x", "y"], st.sampled_from(["x", "y", "z"])),
        Made(Literal[1, 2] if meta is msgspec.Meta else int, st.sampled_from([1, 2, 3, 1.0])),
        Made(Colour, st.sampled_from(["red", "blue", "green"])),
        Made(int | str, st.one_of(WHOLE, TEXTS)),
        Made(float | bool, st.one_of(NUMBERS, st.booleans())),
        Made(Any, JSON),
    ]


def _containers(inner, record):
    def listed(made):
        return Made(list[made.declared], st.lists(_nearly(made.documents), max_size=3))

    def mapped(made):
        return Made(dict[str, made.declared], st.dictionaries(NAMES, _nearly(made.documents), max_size=3))

    def optional(made):
        return Made(made.declared | None, st.one_of(st.none(), made.documents))

    def paired(made):
        return Made(tuple[made.declared, int], st.tuples(_nearly(made.documents), st.integers()).map(list))

    def recorded(fields):
        declared = record({name: (made.declared, is_required) for name, (made, is_required) in fields.items()})
        needed = {name: _nearly(made.documents) for name, (made, is_required) in fields.items() if is_required}
        others = {name: _nearly(made.documents) for name, (made, is_required) in fields.items() if not is_required}
        whole = st.fixed_dictionaries(needed, optional=others)
        without = st.tuples(whole, FIELDS).map(lambda pair: {k: v for k, v in pair[0].items() if k != pair[1]})
        return Made(declared, st.one_of(whole, whole, without))

    simple = inner.filter(lambda made: made.declared is not Any)
    fields = st.dictionaries(FIELDS, st.tuples(inner, st.booleans()), min_size=1, max_size=3)
    return st.one_of(
        inner.map(listed), inner.map(mapped), simple.map(optional), inner.map(paired), fields.map(recorded)
    )


def _struct(fields):
    ordered = sorted(fields.items(), key=lambda item: not item[1][1])
    return msgspec.defstruct(
        _name(), [(name, t) if needed else (name, t, msgspec.UNSET) for name, (t, needed) in ordered]
    )


def _dataclass(fields):
    ordered = sorted(fields.items(), key=lambda item: not item[1][1])
    made = [(n, t) if needed else (n, t, dataclasses.field(default=None)) for n, (t, needed) in ordered]
    return dataclasses.make_dataclass(_name(), made)


def _typed_dict(fields):
    return TypedDict(_name(), {name: t if needed else NotRequired[t] for name, (t, needed) in fields.items()})


def _model(fields):
    return pydantic.create_model(_name(), **{n: (t, ... if needed else None) for n, (t, needed) in fields.items()})


def _types(meta, record):
    base = st.sampled_from(_scalars(meta))
    return st.recursive(base, lambda inner: _containers(inner, record), max_leaves=5)


MSGSPEC_TYPES = st.one_of(_types(msgspec.Meta, record) for record in (_struct, _dataclass, _typed_dict))
PYDANTIC_TYPES = _types(pydantic.Field, _model).map(
    lambda made: Made(
        pydantic.create_model("Whole", it=(made.declared, ...)), st.fixed_dictionaries({"it": made.documents})
    )
)
