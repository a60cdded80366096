"""OpenAI's documents, opened no further than needed: requests edited at their top, errors read, usage counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from headworks.contract.tasks.chat import Spent as TaskSpent
from headworks.costs import Count, Usage
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.failing import Told, failed, texts
from headworks.targets.providers.openai.facts import BY_CODE
from headworks.targets.providers.understand import usage_in
from headworks.targets.providers.wire import HttpResponse

TRUE, FALSE, NULL = Raw(b"true"), Raw(b"false"), Raw(b"null")
USAGE_TOO = Raw(b'{"include_usage":true}')

fields_of = msgspec.json.Decoder(dict[str, Raw]).decode
"""The top-level fields of a document, each still as JSON text."""
encode = msgspec.json.Encoder().encode


class _Read(Struct, frozen=True, gc=False):
    cached_tokens: int | None = None


class _Written(Struct, frozen=True, gc=False):
    reasoning_tokens: int | None = None


class Spent(TaskSpent, frozen=True):
    """Usage as chat and completions tell it."""

    prompt_tokens_details: _Read | None = None
    completion_tokens_details: _Written | None = None
    prompt_cache_hit_tokens: int | None = None
    """Where DeepSeek tells what was cached."""


class LooseSpent(Struct, frozen=True):
    """The same where parts are missing; embeddings write no tokens."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: _Read | None = None
    completion_tokens_details: _Written | None = None
    prompt_cache_hit_tokens: int | None = None


read_spent = msgspec.json.Decoder(LooseSpent).decode


def usage_of(spent: Spent | LooseSpent | None) -> Usage | None:
    """What was spent, in our words."""
    if spent is None:
        return None
    read, written = spent.prompt_tokens_details, spent.completion_tokens_details
    cached = spent.prompt_cache_hit_tokens if read is None else read.cached_tokens
    return Usage(
        input_tokens=spent.prompt_tokens,
        output_tokens=spent.completion_tokens,
        cached_tokens=cached,
        reasoning_tokens=None if written is None else written.reasoning_tokens,
    )


def loose_usage(told: Raw) -> Usage | None:
    """The same of a server that may tell anything."""
    return usage_in(told, read_spent, usage_of)


def refused(response: HttpResponse) -> HeadworksError:
    """What an answer that is none means, by its code and status."""
    try:
        document = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        document = None
    return failed(told(document), BY_CODE, response.status, response.headers)


def refused_inside(error: Raw) -> HeadworksError:
    """What an error within a 200 means; a numeric code is the status that it would have had."""
    document = msgspec.json.decode(error)
    if document is None:
        return ProviderBroken(reason="neither an answer nor an error")
    said = told({"error": document})
    status = next((int(code) for code in said.codes if code.isdecimal() and len(code) == 3), 500)
    return failed(said, BY_CODE, status)


def told(document: Any) -> Told:
    """The codes and the text of an error document, in any of the forms servers of this dialect use."""
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, Mapping):
        return Told()
    error = document.get("error", document)
    if not isinstance(error, Mapping):
        return Told(text=str(error))
    inner = error.get("innererror")
    codes = texts((error.get("code"), error.get("type"), error.get("status")))
    if isinstance(inner, Mapping):
        codes += texts((inner.get("code"),))
    return Told(codes, str(error.get("message", "")))
