"""What Gemini answers, typed; usage and errors in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from headworks.costs import Count, Usage
from headworks.errors import ContentRefused, HeadworksError, ProviderBroken
from headworks.targets.providers.failing import Told, failed, texts
from headworks.targets.providers.gemini.chances import Logprobs
from headworks.targets.providers.gemini.facts import BROKEN_ENDS, BY_CODE, FINISHES
from headworks.targets.providers.understand import NULL, usage_in
from headworks.targets.providers.wire import HttpResponse


class Spent(Struct, frozen=True, rename="camel"):
    """Tokens; a count of nothing is left out by Google, which that of a prompt never is."""

    prompt_token_count: Count | None = None
    candidates_token_count: Count = 0
    thoughts_token_count: Count = 0
    cached_content_token_count: Count = 0
    tool_use_prompt_token_count: Count = 0


class FunctionCall(Struct, frozen=True):
    """A function that the model asks to be called."""

    name: str = ""
    id: str = ""
    args: Raw = Raw(b"{}")


class Part(Struct, frozen=True, rename="camel"):
    """One part of an answer; `thought` marks what the model only thought."""

    text: str = ""
    thought: bool = False
    function_call: FunctionCall | None = None
    thought_signature: str | None = None


class Content(Struct, frozen=True):
    """What the model says."""

    parts: list[Part] | None = None


class Candidate(Struct, frozen=True, rename="camel"):
    """One answer, or the next part of it."""

    index: int = 0
    content: Content | None = None
    finish_reason: str | None = None
    logprobs_result: Logprobs | None = None

    @property
    def parts(self) -> list[Part]:
        """What it says."""
        return [] if self.content is None else self.content.parts or []

    @property
    def chances(self) -> list[dict[str, Any]]:
        """Those of its words, where they were asked for."""
        return [] if self.logprobs_result is None else self.logprobs_result.told()


class Feedback(Struct, frozen=True, rename="camel"):
    """What was held against the input."""

    block_reason: str | None = None


class Response(Struct, frozen=True, rename="camel"):
    """A whole answer, or one event of a stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Raw = NULL
    model_version: str = ""
    response_id: str = ""
    error: Raw = NULL


read_spent = msgspec.json.Decoder(Spent).decode


def usage_of(told: Raw) -> Usage | None:
    """Usage in our words."""
    return usage_in(told, read_spent, _in_our_words)


def _in_our_words(spent: Spent) -> Usage:
    return Usage(
        input_tokens=None
        if spent.prompt_token_count is None
        else spent.prompt_token_count + spent.tool_use_prompt_token_count,
        output_tokens=spent.candidates_token_count + spent.thoughts_token_count,
        cached_tokens=spent.cached_content_token_count,
        reasoning_tokens=spent.thoughts_token_count,
    )


def candidates_of(response: Response) -> list[Candidate]:
    """The answers, or what comes to them; none where there is none yet.

    Raises: ContentRefused when the input was blocked; what an error inside a 200 means; ProviderBroken for a broken end.
    """
    if bytes(response.error) != b"null":
        raise _refused(msgspec.json.decode(response.error), 500, {})
    if response.prompt_feedback is not None and response.prompt_feedback.block_reason:
        raise ContentRefused(reason=f"blocked: {response.prompt_feedback.block_reason[:80]}")
    candidates = response.candidates or []
    for candidate in candidates:
        if candidate.finish_reason in BROKEN_ENDS:
            raise ProviderBroken(reason=f"ended by {candidate.finish_reason}")
    return candidates


def finish_of(reason: str, has_calls: bool) -> str:
    """Why it ended; Gemini has no word of its own for calls."""
    finish = FINISHES.get(reason, "stop")
    return "tool_calls" if finish == "stop" and has_calls else finish


def refused(response: HttpResponse) -> HeadworksError:
    """What an answer that is none means, by the reason, the status word and the status."""
    try:
        document = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        document = None
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, Mapping) else None
    return _refused(error, response.status, response.headers)


def _refused(error: Any, status: int, headers: Mapping[str, str]) -> HeadworksError:
    if not isinstance(error, Mapping):
        return failed(Told(), BY_CODE, status, headers)
    found = error.get("details")
    details = [detail for detail in found if isinstance(detail, Mapping)] if isinstance(found, list) else []
    codes = texts((*(detail.get("reason") for detail in details), error.get("status")))
    delay = next((str(detail["retryDelay"]) for detail in details if "retryDelay" in detail), "").removesuffix("s")
    told_headers = {"retry-after": delay, **headers} if delay else headers
    return failed(Told(codes, str(error.get("message", ""))), BY_CODE, status, told_headers)
