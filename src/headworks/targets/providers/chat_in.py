"""What a chat request says, for providers of another dialect: typed, its cap, its pictures; what cannot be said is refused."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from headworks.contract.tasks.chat import (
    AssistantMessage,
    AudioPart,
    Content,
    DeveloperMessage,
    FilePart,
    FunctionName,
    ImagePart,
    JsonFormat,
    Message,
    Part,
    RefusalPart,
    Request,
    SchemaFormat,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolChoice,
    ToolMessage,
    UserMessage,
)
from headworks.errors import FieldError, ProviderUnable
from headworks.targets.providers.wire import Ask

Block = dict[str, Any]
Spoken = UserMessage | AssistantMessage | ToolMessage
"""A message of one of the two who speak, or what a tool answered."""

MOST_TOP_K = 1_000_000
ANY_OBJECT = {"type": "object", "additionalProperties": True}
OPENAIS_OWN = ("functions", "logit_bias", "modalities", "web_search_options")
"""Fields that change what is answered and that no other dialect has a word for; what else a request holds beyond the task is a wish."""
_NEUTRAL: Mapping[str, Any] = {"modalities": ["text"], "n": 1}
"""Values that ask for what is answered anyway."""


class NamedTool(Struct, frozen=True):
    """One of the request's tools, by its name."""

    function: FunctionName | None = None


class AllowedTools(Struct, frozen=True):
    """Those of the request's tools that may be called, and whether one has to be."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class AskedChoice(ToolChoice, frozen=True):
    """A choice with what the task leaves open."""

    allowed_tools: Any = None


class AskedChat(Request, frozen=True):
    """A request with those of OpenAI's own fields that must not be passed over."""

    tool_choice: Literal["none", "auto", "required"] | AskedChoice | None = None
    functions: Any = None
    logit_bias: Any = None
    modalities: Any = None
    web_search_options: Any = None
    top_k: Any = None
    """A wish that most other dialects know; beyond the task's schema, so that it may be anything."""


_decode = msgspec.json.Decoder(AskedChat).decode


class Inline(Struct, frozen=True):
    """Bytes inside the request: their media type, and base64."""

    media: str
    data: str


class Use(NamedTuple):
    """One call of a function: as it was sent, the function's name, and its arguments as JSON."""

    call: ToolCall
    name: str
    arguments: msgspec.Raw


def asked_chat(ask: Ask, unsayable: Iterable[str] = ()) -> AskedChat:
    """The conversation; its schema was checked before.

    Raises: ProviderUnable for a field in `unsayable`, or of OpenAI's own, that is set to anything but its neutral value.
    """
    request = _decode(ask.document)
    for name in (*unsayable, *OPENAIS_OWN):
        value = getattr(request, name)
        if value not in (None, False, 0, "", [], {}) and value != _NEUTRAL.get(name):
            raise cannot(f"/{name}")
    request = _spoken(request)
    choice = request.tool_choice
    if isinstance(choice, AskedChoice) and choice.allowed_tools is not None:
        return _narrowed(request, choice.allowed_tools)
    return request


def _spoken(request: AskedChat) -> AskedChat:
    """The request with somebody who speaks: instructions alone are answered as what a person says."""
    *before, last = request.messages
    if any(not isinstance(message, SystemMessage | DeveloperMessage) for message in request.messages):
        return request
    return msgspec.structs.replace(request, messages=[*before, UserMessage(last.content or "")])


def _narrowed(request: AskedChat, given: Any) -> AskedChat:
    """The request with those tools alone, which says the same in every dialect."""
    try:
        allowed = msgspec.convert(given, AllowedTools)
    except msgspec.ValidationError:
        raise cannot("/tool_choice/allowed_tools") from None
    names = {tool.function.name for tool in allowed.tools if tool.function is not None}
    tools = [tool for tool in request.tools or () if tool.function is not None and tool.function.name in names]
    return msgspec.structs.replace(request, tools=tools, tool_choice=allowed.mode if tools else None)


def top_k_of(request: AskedChat) -> int | None:
    """How many of the likeliest words to choose among.

    Raises: ProviderUnable for what is no such number.
    """
    wished = request.top_k
    if wished is None or (type(wished) is int and 0 < wished <= MOST_TOP_K):
        return wished
    raise ProviderUnable(errors=(FieldError("/top_k", f"must be a whole number from 1 to {MOST_TOP_K}"),))


def cap_of(request: Request, ask: Ask) -> int | None:
    """The lowest of the caps on the answer."""
    caps = [cap for cap in (request.max_completion_tokens, request.max_tokens, ask.output_cap) if cap is not None]
    return min(caps, default=None)


def stops_of(request: Request) -> list[str]:
    """The texts at which the answer ends."""
    return [request.stop] if isinstance(request.stop, str) else request.stop or []


def schema_of(request: Request) -> dict[str, object] | None:
    """The JSON Schema that the answer must follow; any object's where only JSON was asked for."""
    if isinstance(request.response_format, SchemaFormat):
        return request.response_format.json_schema.schema or ANY_OBJECT
    return ANY_OBJECT if isinstance(request.response_format, JsonFormat) else None


def object_schema(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """A schema of a tool's arguments that says of itself that they are an object, as some services will have it."""
    return {"type": "object", **(schema or {"properties": {}})}


def parts_of(content: Content | None) -> list[Part]:
    """The content as parts; an empty text is none."""
    if isinstance(content, str):
        content = [TextPart(content)]
    return [part for part in content or () if not isinstance(part, TextPart) or part.text]


def said_in(message: Message) -> list[Part]:
    """The parts of a message; what an answer declined with is one of them, wherever it stands."""
    declined = message.refusal if isinstance(message, AssistantMessage) else None
    return [*parts_of(message.content), *([RefusalPart(declined)] if declined else ())]


def text_of(content: Content | None, at: str) -> str:
    """The content as one text.

    Raises: ProviderUnable for a part that is none.
    """
    return "".join(_text(part, f"{at}/content/{index}") for index, part in enumerate(parts_of(content)))


def inline_of(part: Part, at: str) -> Inline:
    """The bytes of a picture, a document or a sound.

    Raises: ProviderUnable for other parts, and for a file known by its id only.
    """
    address = ""
    if isinstance(part, AudioPart):
        return Inline(f"audio/{part.input_audio.format}", part.input_audio.data)
    if isinstance(part, ImagePart):
        address = part.image_url.url
    elif isinstance(part, FilePart):
        address = part.file.file_data or ""
    head, comma, data = address.partition(";base64,")
    if not comma or not head.startswith("data:"):
        raise cannot(at)
    return Inline(head.removeprefix("data:"), data)


def plain_text(inline: Inline, at: str) -> str:
    """A document that is text.

    Raises: ProviderUnable for what is not UTF-8 within base64.
    """
    try:
        return a2b_base64(inline.data, strict_mode=True).decode()
    except ValueError:
        raise ProviderUnable(errors=(FieldError(at, "must be UTF-8, as base64"),)) from None


def systems_of(messages: Sequence[Message]) -> list[str]:
    """What the application says before and beside the conversation, one text a message; empty ones left out.

    Raises: ProviderUnable for a part that is no text.
    """
    texts = [
        text_of(message.content, f"/messages/{index}")
        for index, message in enumerate(messages)
        if isinstance(message, SystemMessage | DeveloperMessage)
    ]
    return [text for text in texts if text]


def turns_of(messages: Sequence[Message], blocks_of: Callable[[Spoken, str], list[Block]]) -> list[dict[str, Any]]:
    """Turns of user and assistant in turn: neighbours of one role become one, and a tool's result is the user's."""
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        if isinstance(message, SystemMessage | DeveloperMessage):
            continue
        role = "assistant" if isinstance(message, AssistantMessage) else "user"
        blocks = blocks_of(message, f"/messages/{index}")
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def uses_of(message: AssistantMessage, at: str) -> Iterator[Use]:
    """The calls of functions that an answer made.

    Raises: ProviderUnable for a call of something else, or whose arguments are not one JSON object.
    """
    for index, call in enumerate(message.tool_calls or ()):
        place = f"{at}/tool_calls/{index}"
        if call.function is None:
            raise cannot(place)
        yield Use(call, call.function.name, arguments_of(call.function.arguments, f"{place}/function/arguments"))


def arguments_of(text: str, at: str) -> msgspec.Raw:
    """The arguments of a tool call as JSON.

    Raises: ProviderUnable when the text is not one JSON object.
    """
    try:
        msgspec.json.decode(text or "{}", type=dict)
    except msgspec.MsgspecError:
        raise ProviderUnable(errors=(FieldError(at, "must be one JSON object, as text"),)) from None
    return msgspec.Raw((text or "{}").encode())


def cannot(at: str) -> ProviderUnable:
    """The refusal of something that this provider has no word for."""
    return ProviderUnable(errors=(FieldError(at, "cannot be asked of this provider"),))


def _text(part: Part, at: str) -> str:
    if isinstance(part, TextPart):
        return part.text
    if isinstance(part, RefusalPart):
        return part.refusal
    raise cannot(at)
