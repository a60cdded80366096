"""What a provider tells of a batch's use: in the batch itself, else in the lines of its output.

Source: OpenAI API, `/v1/batches` (`usage`, told of batches made since September 2025) and the output file's lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError
from msgspec.json import Decoder

from headworks.costs import Usage
from headworks.targets.providers.understand import believed

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
MOST_LINE_BYTES = 16 * 2**20
MOST_MODELS = 1000
NOTHING = Usage(input_tokens=0, output_tokens=0)
_MISREAD = (DecodeError, ValidationError, UnicodeDecodeError, RecursionError)


class _Read(Struct, frozen=True, gc=False):
    cached_tokens: int | None = None


class _Written(Struct, frozen=True, gc=False):
    reasoning_tokens: int | None = None


class _Spent(Struct, frozen=True, gc=False):
    """Usage in the words of either dialect; a batch tells both, one of them as zeros."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Read | None = None
    output_tokens_details: _Written | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Read | None = None
    completion_tokens_details: _Written | None = None

    def usage(self) -> Usage | None:
        """The same in our words; None where it says nothing."""
        if self.input_tokens or self.output_tokens:
            taken, made = self.input_tokens, self.output_tokens
            read, written = self.input_tokens_details, self.output_tokens_details
        else:
            taken, made = self.prompt_tokens, self.completion_tokens
            read, written = self.prompt_tokens_details, self.completion_tokens_details
        if taken is None:
            return None
        cached = None if read is None else read.cached_tokens
        reasoning = None if written is None else written.reasoning_tokens
        return believed(
            Usage(input_tokens=taken, output_tokens=made or 0, cached_tokens=cached, reasoning_tokens=reasoning)
        )


class _Counts(Struct, frozen=True):
    completed: int | None = None


class _Batch(Struct, frozen=True):
    status: str | None = None
    usage: _Spent | None = None
    request_counts: _Counts | None = None
    output_file_id: str | None = None


class _Body(Struct, frozen=True, gc=False):
    model: str = ""
    usage: _Spent | None = None


class _Response(Struct, frozen=True, gc=False):
    status_code: int = 0
    body: Raw = Raw(b"null")


class _Line(Struct, frozen=True, gc=False):
    response: _Response | None = None


_batch = Decoder(_Batch).decode
_line = Decoder(_Line).decode
_body = Decoder(_Body).decode


class Ended(Struct, frozen=True):
    """A batch that is over: what all its lines used, or None and the file whose lines tell it, if there is one."""

    usage: Usage | None
    output: str | None


def ended(document: bytes) -> Ended | None:
    """What a batch tells of its end; None while it goes on, or of what cannot be read."""
    try:
        batch = _batch(document)
    except _MISREAD:
        return None
    if batch.status not in ENDED:
        return None
    usage = None if batch.usage is None else batch.usage.usage()
    if usage is not None and (usage.input_tokens or usage.output_tokens):
        return Ended(usage, batch.output_file_id)
    counts = batch.request_counts
    none_ran = counts is not None and counts.completed == 0
    return Ended(NOTHING if none_ran else None, batch.output_file_id)


class OutputReader:
    """Adds up what the lines of an output say was used, of a file that comes in pieces cut anywhere.

    Shapes: `used` is by what each answer says it was made with. Once a line cannot be understood, `is_known` is False.
    """

    __slots__ = ("_parts", "_rest_bytes", "is_known", "used")

    def __init__(self) -> None:
        self.used: dict[str, Usage] = {}
        self.is_known = True
        self._parts: list[bytes] = []
        self._rest_bytes = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        if not self.is_known:
            return
        first, newline, more = piece.partition(b"\n")
        self._parts.append(first)
        self._rest_bytes += len(first)
        if self._rest_bytes > MOST_LINE_BYTES:
            self.is_known, self._parts = False, []
            return
        if not newline:
            return
        *lines, rest = more.split(b"\n")
        self._take(b"".join(self._parts))
        for line in lines:
            self._take(line)
        self._parts, self._rest_bytes = [rest], len(rest)

    def finish(self) -> None:
        """The file has ended."""
        self._take(b"".join(self._parts))
        self._parts = []

    def _take(self, line: bytes) -> None:
        if not line.strip() or not self.is_known:
            return
        try:
            response = _line(line).response
            if response is None or not 200 <= response.status_code < 300:
                return  # nobody bills what was refused
            body = _body(response.body)
        except _MISREAD:
            self.is_known = False
            return
        usage = None if body.usage is None else body.usage.usage()
        if usage is None or len(self.used) > MOST_MODELS:
            self.is_known = False
            return
        self.used[body.model] = together([self.used.get(body.model, NOTHING), usage])


def together(usages: list[Usage]) -> Usage:
    """What all used, of tokens."""
    return Usage(**{name: sum(getattr(each, name) or 0 for each in usages) for name in _TOKENS})


def all_of(used: Mapping[Any, Usage]) -> Usage:
    """The same whatever it was used of."""
    return together([*used.values()])


_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
