"""What of a request may cost more than its bytes say: a vendor's own tools, files kept elsewhere, documents, dearer tiers.

Tokens of a text are never more than its bytes, and a picture has an allowance; what is found here has neither.
Sources: OpenAI API, `POST /v1/chat/completions` and `/v1/responses`; Anthropic API, `POST /v1/messages`.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from headworks.contract.tasks import chat, image_editing, messages, responses

MOST_NAMED = 10
_ALWAYS_READ = frozenset({messages.NAME, responses.NAME})
"""Tasks whose requests are the vendor's own, so that any field may matter, or are read fast."""
_HINTS = (
    b"\\u", b"data:", b'"file"', b"input_audio", b"web_search", b"service_tier", b"modalities", b"prediction", b'"tools"',
)  # fmt: skip
"""A chat in which none of these stands has nothing beyond its text; an escape may hide any of them."""
_RUN_BY_CALLERS = {
    responses.NAME: ("function", "custom", "local_shell", "apply_patch", "computer_use_preview"),
    messages.NAME: ("custom", "bash_", "text_editor_", "computer_", "memory_"),
}
"""How the types of tools begin that the caller runs; every other one is run, and billed, by the vendor."""
_DEARER = {"service_tier": ("priority", "scale"), "speed": ("fast",), "inference_geo": ("us",)}
"""Ways to be served that cost more than the price that is known."""
_KEPT = ("previous_response_id", "conversation", "prompt", "container")
"""What a vendor adds from its own store."""

_decode = Decoder().decode


class Beyond(Struct, frozen=True):
    """One field whose cost its bytes do not bound; `has_fee` where the vendor bills for it beside the tokens that it tells."""

    pointer: str
    has_fee: bool = False


class Weight(Struct, frozen=True):
    """What a request holds beside text: pictures, tools, and fields that nothing bounds."""

    pictures: int = 0
    has_tools: bool = False
    beyond: tuple[Beyond, ...] = ()

    @property
    def has_fees(self) -> bool:
        """Whether the vendor may bill more than the tokens that it tells."""
        return bool(self.beyond) and any(each.has_fee for each in self.beyond)


TEXT_ONLY = Weight()


def weight_of(task: str | None, document: bytes) -> Weight:
    """What a request holds beside text; of tasks that are no conversation only the pictures, by how their URLs begin.

    Cost: below a microsecond a kilobyte for a plain chat, ten where it has to be read.
    """
    if task == image_editing.NAME:
        return Weight(_edited(document))
    find = FINDERS.get(task or "")
    if find is None:
        return Weight(document.count(b"data:image"), b'"tools"' in document)
    if task not in _ALWAYS_READ and not _has_hint(document):
        return TEXT_ONLY
    try:
        asked = _decode(document)
    except DecodeError:
        return TEXT_ONLY
    if not isinstance(asked, dict):
        return TEXT_ONLY
    parts = [part for field in ("messages", "input", "system") for part in _parts(asked.get(field), f"/{field}")]
    beyond = islice((*find(asked), *(each for at, part in parts for each in _in_part(part, at))), MOST_NAMED)
    return Weight(sum(_is_picture(part) for _, part in parts), bool(asked.get("tools") is not None), tuple(beyond))


def _edited(document: bytes) -> int:
    """The pictures of a request to edit some, its mask among them, however they are written."""
    try:
        asked = _decode(document)
    except DecodeError:
        return 0
    images = asked.get("images") if isinstance(asked, dict) else None
    return len(images) + (asked.get("mask") is not None) if isinstance(images, list) else 0


def _has_hint(document: bytes) -> bool:
    for hint in _HINTS:  # noqa: SIM110  # a generator for `any` would take twice the time
        if document.find(hint) >= 0:  # `in` raises an error inside and drops it: three times the time
            return True
    return False


def _parts(value: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every message, item, block and part, however deep within contents and outputs; never what a tool was called with."""
    if isinstance(value, dict):
        yield at, value
        for field in ("content", "output"):
            yield from _parts(value.get(field), f"{at}/{field}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _parts(item, f"{at}/{number}")


def _is_picture(part: Mapping[str, Any]) -> bool:
    return part.get("image_url") is not None or part.get("type") == "image"


def _in_part(part: Mapping[str, Any], at: str) -> Iterator[Beyond]:
    """Files kept by the vendor, and documents, whose pages say nothing of their bytes."""
    held = part.get("file")
    if isinstance(held, dict):
        yield from _in_part(held, f"{at}/file")
    if part.get("file_id") is not None:
        yield Beyond(f"{at}/file_id")
    data = part.get("file_data")
    if data is not None and not (isinstance(data, str) and data.startswith("data:text/")):
        yield Beyond(f"{at}/file_data")
    if part.get("type") in {"container_upload", "item_reference"}:
        yield Beyond(f"{at}/type")
    source = part.get("source")
    if isinstance(source, dict) and (
        source.get("type") == "file" or (part.get("type") == "document" and source.get("type") == "base64")
    ):
        yield Beyond(f"{at}/source")


def _in_chat(asked: Mapping[str, Any]) -> Iterator[Beyond]:
    if asked.get("web_search_options") is not None:
        yield Beyond("/web_search_options", has_fee=True)
    modalities = asked.get("modalities")
    if isinstance(modalities, list) and set(map(str, modalities)) - {"text"}:
        yield Beyond("/modalities", has_fee=True)
    if asked.get("prediction") is not None:
        yield Beyond("/prediction")
    yield from _dearer(asked)


def _in_responses(asked: Mapping[str, Any]) -> Iterator[Beyond]:
    yield from (Beyond(f"/{field}") for field in _KEPT if asked.get(field) is not None)
    yield from _vendors_tools(asked, _RUN_BY_CALLERS[responses.NAME])
    yield from _dearer(asked)


def _in_messages(asked: Mapping[str, Any]) -> Iterator[Beyond]:
    if asked.get("container") is not None:
        yield Beyond("/container", has_fee=True)
    yield from _vendors_tools(asked, _RUN_BY_CALLERS[messages.NAME])
    yield from _dearer(asked)


def _vendors_tools(asked: Mapping[str, Any], own: tuple[str, ...]) -> Iterator[Beyond]:
    tools = asked.get("tools")
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        kind = tool.get("type", "custom") if isinstance(tool, dict) else None
        if not isinstance(kind, str) or not kind.startswith(own):
            yield Beyond(f"/tools/{number}/type", has_fee=True)


def _dearer(asked: Mapping[str, Any]) -> Iterator[Beyond]:
    for field, dear in _DEARER.items():
        if asked.get(field) in dear:
            yield Beyond(f"/{field}", has_fee=True)


FINDERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Beyond]]] = {
    chat.NAME: _in_chat,
    messages.NAME: _in_messages,
    responses.NAME: _in_responses,
}
"""By task: the fields beside its messages or items that nothing bounds."""
