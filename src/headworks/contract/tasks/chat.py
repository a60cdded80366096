"""Chat: a conversation in, the assistant's next message out, whole or in chunks.

Requests, messages, tools and replies are open: a field that is not named here is handed to a target that speaks the
same dialect, and left out by one that is translated to. `model`, `stream` and `stream_options` are not the caller's to
say here: the endpoint's target names the model, the way of calling says whether it streams. What an answer has not is
left out: clients that put chunks together take a null for the newest word.
Source: OpenAI API, `POST /v1/chat/completions` (request, `chat.completion`, `chat.completion.chunk`).
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

NAME = "chat"


Name = Annotated[str, Meta(min_length=1, max_length=256)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Tokens = Annotated[int, Meta(ge=1, le=10_000_000)]
Stop = Annotated[str, Meta(min_length=1, max_length=1000)]
InlineImage = Annotated[str, Meta(pattern=r"^data:image/[a-z0-9.+-]{1,64};base64,[A-Za-z0-9+/]+={0,2}$")]


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    """A stretch of text."""

    text: str


class ImageAddress(Struct, frozen=True):
    """A picture inside the request, as a `data:` URL; addresses elsewhere are refused, nothing is fetched."""

    url: InlineImage
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Struct, frozen=True, tag_field="type", tag="image_url"):
    """A picture."""

    image_url: ImageAddress


class Sound(Struct, frozen=True):
    """Sound inside the request, base64."""

    data: str
    format: Annotated[str, Meta(max_length=32)]


class AudioPart(Struct, frozen=True, tag_field="type", tag="input_audio"):
    """Speech or another sound."""

    input_audio: Sound


class SentFile(Struct, frozen=True):
    """A document inside the request, as a `data:` URL, or one known to the provider by its id; no address is visited."""

    file_data: Annotated[str, Meta(pattern=r"^data:")] | None = None
    file_id: Name | None = None
    filename: Annotated[str, Meta(max_length=1000)] | None = None


class FilePart(Struct, frozen=True, tag_field="type", tag="file"):
    """A document."""

    file: SentFile


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    """What an earlier answer declined with."""

    refusal: str


Part = TextPart | ImagePart | AudioPart | FilePart | RefusalPart
Content = str | Annotated[list[Part], Meta(min_length=1, max_length=2000)]


class Called(Struct, frozen=True):
    """A function and its arguments, as JSON text that the model wrote."""

    name: Name
    arguments: str


class ToolCall(Struct, frozen=True):
    """One call of a tool that the assistant asked for; `extra_content` is a vendor's own, to be handed back as it came."""

    id: Name
    type: Literal["function", "custom"] = "function"
    function: Called | None = None
    extra_content: dict[str, Any] | None = None


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system"):
    """Instructions that stand above the conversation."""

    content: Content


class DeveloperMessage(Struct, frozen=True, tag_field="role", tag="developer"):
    """The same as a system message, in the newer word."""

    content: Content


class UserMessage(Struct, frozen=True, tag_field="role", tag="user"):
    """What the person said or showed."""

    content: Content


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant"):
    """What the model answered before; without content only where it called tools or refused."""

    content: Content | None = None
    tool_calls: Annotated[list[ToolCall], Meta(max_length=128)] | None = None
    refusal: str | None = None


class ToolMessage(Struct, frozen=True, tag_field="role", tag="tool"):
    """What a tool gave back."""

    content: Content
    tool_call_id: Name


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


class Function(Struct, frozen=True):
    """A function that the model may ask to be called; `parameters` is a JSON Schema."""

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_.:-]{1,128}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct, frozen=True):
    """Something that the model may ask for."""

    type: Literal["function", "custom"]
    function: Function | None = None


class FunctionName(Struct, frozen=True):
    """A function of the request's tools."""

    name: Name


class ToolChoice(Struct, frozen=True):
    """The tool that must be called, or by `allowed_tools` those that may be."""

    type: Literal["function", "custom", "allowed_tools"]
    function: FunctionName | None = None


class NamedSchema(Struct, frozen=True):
    """The JSON Schema that the answer must follow."""

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class TextFormat(Struct, frozen=True, tag_field="type", tag="text"):
    """Plain text."""


class JsonFormat(Struct, frozen=True, tag_field="type", tag="json_object"):
    """Some JSON object."""


class SchemaFormat(Struct, frozen=True, tag_field="type", tag="json_schema"):
    """JSON that follows a schema."""

    json_schema: NamedSchema


class Request(Struct, frozen=True):
    """The conversation so far, and how to go on."""

    messages: Annotated[list[Message], Meta(min_length=1, max_length=10_000)]
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Share | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=64)] | None = None
    seed: int | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    tools: Annotated[list[Tool], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonFormat | SchemaFormat | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    user: Annotated[str, Meta(max_length=1000)] | None = None


class Answered(Struct, frozen=True, omit_defaults=True):
    """The assistant's message."""

    role: Literal["assistant"]
    content: str | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None


Finish = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class Choice(Struct, frozen=True, omit_defaults=True):
    """One answer and why it ended."""

    index: int
    message: Answered
    finish_reason: Finish
    logprobs: dict[str, Any] | None = None


class Spent(Struct, frozen=True):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Reply(Struct, frozen=True, omit_defaults=True):
    """The whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: Annotated[list[Choice], Meta(min_length=1)]
    usage: Spent | None = None


class CalledDelta(Struct, frozen=True, omit_defaults=True):
    """The next part of a call: its name at first, then stretches of its arguments."""

    name: str | None = None
    arguments: str | None = None


class ToolCallDelta(Struct, frozen=True, omit_defaults=True):
    """The next part of one call of a tool."""

    index: int
    id: str | None = None
    type: Literal["function", "custom"] | None = None
    function: CalledDelta | None = None


class Delta(Struct, frozen=True, omit_defaults=True):
    """What comes to the message."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None
    refusal: str | None = None


class ChoiceDelta(Struct, frozen=True):
    """What comes to one answer; `finish_reason` with its last part."""

    index: int
    delta: Delta
    finish_reason: Finish | None = None
    logprobs: dict[str, Any] | None = None


class Event(Struct, frozen=True):
    """One chunk of a streamed answer."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChoiceDelta]
    usage: Spent | None = None
