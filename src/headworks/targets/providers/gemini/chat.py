"""Chat by Gemini's generateContent.

What the model thought is told as `reasoning_content`; the signature of a tool call travels in its `extra_content`, as
Google's own server of OpenAI's dialect does it. Pictures made and code run inside an answer are left out.
Source: Gemini API, `POST .../models/MODEL:generateContent` and `:streamGenerateContent?alt=sse`.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.chat_in import asked_chat, cap_of
from headworks.targets.providers.chat_out import Said, all_answered
from headworks.targets.providers.gemini.answering import (
    Candidate,
    Part,
    Response,
    candidates_of,
    finish_of,
    refused,
    usage_of,
)
from headworks.targets.providers.gemini.asking import contents
from headworks.targets.providers.gemini.events import GeminiReader, call_id, signed_call
from headworks.targets.providers.gemini.facts import API_MODELS
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_response = msgspec.json.Decoder(Response)
_encode = msgspec.json.Encoder().encode


class GeminiChat:
    """Chat with one of Gemini's models; `models` is the path where they stand."""

    task = "chat"
    can_stream = True

    def __init__(self, model: str, models: str = API_MODELS) -> None:
        self.model = model
        self._path = f"{models}/{quote(model, safe='')}"

    def request(self, ask: Ask) -> HttpRequest:
        """The conversation in Gemini's words.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        request = asked_chat(ask)
        verb = ":streamGenerateContent?alt=sse" if ask.is_stream else ":generateContent"
        body = contents(request, self.model, cap_of(request, ask))
        return HttpRequest("POST", self._path + verb, body=_encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The candidate as a chat's answer.

        Raises: ContentRefused for a blocked input; ProviderBroken; what an error inside a 200 means.
        """
        wire = decoded(_response, response.body)
        candidates = candidates_of(wire)
        if not candidates:
            raise ProviderBroken(reason="no candidate")
        said = [_said(candidate, wire.response_id) for candidate in sorted(candidates, key=lambda each: each.index)]
        return all_answered(said, wire.response_id, wire.model_version or self.model, usage_of(wire.usage_metadata))

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the reason in the details, then by status word, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> GeminiReader:
        """Chunks out of server-sent events."""
        return GeminiReader(self.model)


def _said(candidate: Candidate, response_id: str) -> Said:
    said = Said(chances=candidate.chances)
    for part in candidate.parts:
        _say(said, part, response_id)
    said.finish = finish_of(candidate.finish_reason or "", bool(said.calls))
    return said


def _say(said: Said, part: Part, response_id: str) -> None:
    call = part.function_call
    if call is not None:
        said.call(call.name, bytes(call.args), call_id(call, response_id, len(said.calls)))
        said.calls[-1].update(signed_call(part))
    elif part.thought:
        said.thoughts.append(part.text)
    elif part.text:
        said.texts.append(part.text)
