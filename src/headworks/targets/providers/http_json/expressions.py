"""JMESPath expressions, compiled and checked when the configuration is read, with a few functions of our own.

Ours: `asked('EXPRESSION')` what the caller sent, `picture()` the picture as base64, `width()` and `height()` of the upright
picture, `divide(a, b)`, `multiply(a, b)`, `round(a)`, `lower(text)`, `trim(text)`, `cut(text, start, end)` by
code points.
Source: JMESPath specification; library jmespath (MIT).
"""

from __future__ import annotations

import operator
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol

from msgspec import Struct

from headworks.errors import ConfigurationRefused, FieldError, ProviderBroken


def _cut(text: str, start: float, end: float) -> str:
    return text[int(start) : int(end)]


PLAIN: Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "cut": (("string", "number", "number"), _cut),
    "divide": (("number", "number"), operator.truediv),
    "lower": (("string",), str.lower),
    "multiply": (("number", "number"), operator.mul),
    "round": (("number",), round),
    "trim": (("string",), str.strip),
}
"""Functions that know nothing but their arguments, with the types of those."""


class Context(Struct, frozen=True):
    """What the functions know beside the document: the caller's row, and the picture with its upright size."""

    row: Any
    picture: bytes = b""
    width: int = 0
    height: int = 0


class Compiled(Protocol):
    """An expression that can be searched."""

    parsed: Mapping[str, Any]

    def search(self, value: Any, options: Any = None) -> Any:
        """What the expression makes of a document."""


class Expression:
    """One checked expression."""

    __slots__ = ("_compiled", "_text")

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._compiled = _compiled(text, where)
        for name, arguments in _calls(self._compiled.parsed):
            _check_call(name, arguments, where)

    def of(self, document: Any, context: Context) -> Any:
        """What it makes of a document.

        Raises: ProviderBroken when the document is not of the types that its functions take.
        """
        library = _library()
        try:
            return self._compiled.search(document, library.options(context))
        except (library.error, ZeroDivisionError, TypeError, ValueError, RecursionError) as error:
            raise ProviderBroken(reason=f"mapping {self._text[:80]!r}: {type(error).__name__}") from None


def _compiled(text: str, where: str) -> Compiled:
    library = _library()
    try:
        compiled: Compiled = library.compile(text)
    except library.error as error:
        message = f"is no JMESPath expression: {str(error).splitlines()[0][:200]}"
        raise ConfigurationRefused(errors=(FieldError(where, message),)) from None
    return compiled


def _calls(node: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Every call of a function within an expression."""
    if node["type"] == "function_expression":
        yield node["value"], node["children"]
    for child in node["children"]:
        yield from _calls(child)


def _check_call(name: str, arguments: list[Mapping[str, Any]], where: str) -> None:
    table = _library().functions.FUNCTION_TABLE
    known = table.get(name)
    if known is None:
        message = f"calls an unknown function {name}(); there are {', '.join(sorted(table))}"
        raise ConfigurationRefused(errors=(FieldError(where, message),))
    signature = known["signature"]
    takes_more = bool(signature) and bool(signature[-1].get("variadic"))
    if len(arguments) < len(signature) or (len(arguments) > len(signature) and not takes_more):
        raise ConfigurationRefused(errors=(FieldError(where, f"{name}() takes {len(signature)} arguments"),))
    if name == "asked" and arguments[0]["type"] == "literal":
        Expression(str(arguments[0]["value"]), where)


class _Library(Struct, frozen=True):
    """The library's parts, once it is loaded."""

    compile: Any
    error: Any
    functions: Any
    make_options: Any

    def options(self, context: Context) -> Any:
        """Options whose functions know the context."""
        return self.make_options(custom_functions=self.functions(context))


def _method(functions: Any, takes: tuple[str, ...], call: Callable[..., Any]) -> Any:
    """A function as the library wants it: a method that says what it takes."""
    return functions.signature(*({"types": [kind]} for kind in takes))(lambda _, *given: call(*given))


@cache
def _library() -> _Library:
    """Load the library, and our functions made with it.

    Raises: ConfigurationRefused when the extra is not installed.
    """
    try:
        import jmespath
        from jmespath import exceptions, functions
    except ImportError:
        raise ConfigurationRefused("Providers of kind http need jmespath: pip install 'headworks[http]'.") from None
    plain = {f"_func_{name}": _method(functions, takes, call) for name, (takes, call) in PLAIN.items()}

    class Functions(type(functions.Functions)("Plain", (functions.Functions,), plain)):  # type: ignore[misc]
        def __init__(self, context: Context) -> None:
            super().__init__()
            self._context = context

        @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator]
        def _func_asked(self, expression: str) -> Any:
            return jmespath.search(expression, self._context.row)

        @functions.signature()  # type: ignore[untyped-decorator]
        def _func_picture(self) -> str:
            return b64encode(self._context.picture).decode()

        @functions.signature()  # type: ignore[untyped-decorator]
        def _func_width(self) -> int:
            return self._context.width

        @functions.signature()  # type: ignore[untyped-decorator]
        def _func_height(self) -> int:
            return self._context.height

    return _Library(jmespath.compile, exceptions.JMESPathError, Functions, jmespath.Options)
