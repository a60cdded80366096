"""What a block of a message holds, as parts of a chat: texts, pictures, documents, what a search found.

What would have to be fetched is refused, and so is what an answer from a chat could not keep: the promise of citations.

Source: anthropic-sdk-python, types/content_block_param.py and its parts.
"""

from collections.abc import Callable, Mapping
from typing import Any

from headworks.dialects.openai.body import refused

Block = Mapping[str, Any]
Part = dict[str, Any]

_FETCHED = "must be base64 data within the request; this service fetches nothing from addresses or stores of files"
_UNCITED = "must be false or absent: an answer of a chat cites nothing; an endpoint of task messages can"


def parts_of_block(block: Any, at: str) -> list[Part]:
    """The parts that one block makes; most make one.

    Raises: SchemaViolation (422), naming the field.
    """
    read = _READERS.get(kind_of(block, at))
    if read is None:
        raise refused(f"{at}/type", f"must be one of {', '.join(_READERS)}")
    return read(block, at)


def plain(parts: list[Part]) -> Any:
    """Text alone as one text, which every target reads; else the parts."""
    if all(part["type"] == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def kind_of(block: Any, at: str) -> str:
    """The type of a block.

    Raises: SchemaViolation (422).
    """
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str):
        raise refused(f"{at}/type", "is required")
    return kind


def string(value: Any, at: str) -> str:
    """A text.

    Raises: SchemaViolation (422).
    """
    if not isinstance(value, str):
        raise refused(at, "must be of type string")
    return value


def _text(block: Block, at: str) -> list[Part]:
    return [{"type": "text", "text": string(block.get("text"), f"{at}/text")}]


def _image(block: Block, at: str) -> list[Part]:
    return [{"type": "image_url", "image_url": {"url": _data_url(block, at)}}]


def _document(block: Block, at: str) -> list[Part]:
    """A document of text with what is said about it before; of pages as a file, what is said about it beside it."""
    _refuse_citing(block, at)
    source = block.get("source")
    kind = source.get("type") if isinstance(source, dict) else None
    about = [{"type": "text", "text": string(block[name], f"{at}/{name}")} for name in _ABOUT if block.get(name)]
    if isinstance(source, dict) and kind == "text":
        return [*about, {"type": "text", "text": string(source.get("data"), f"{at}/source/data")}]
    if isinstance(source, dict) and kind == "content":
        return [*about, *_contents(source.get("content"), f"{at}/source/content")]
    file = {"filename": block.get("title") or "document.pdf", "file_data": _data_url(block, at)}
    return [*about[1 if block.get("title") else 0 :], {"type": "file", "file": file}]


_ABOUT = ("title", "context")


def _search_result(block: Block, at: str) -> list[Part]:
    """What was found, after where."""
    _refuse_citing(block, at)
    about = [string(block.get(name), f"{at}/{name}") for name in ("title", "source")]
    found = _contents(block.get("content"), f"{at}/content")
    return [{"type": "text", "text": "\n".join(each for each in about if each)}, *found]


def _contents(content: Any, at: str) -> list[Part]:
    """Texts and pictures within a block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise refused(at, "must be a text or an array of blocks")
    parts: list[Part] = []
    for number, block in enumerate(content):
        place = f"{at}/{number}"
        if kind_of(block, place) not in ("text", "image"):
            raise refused(f"{place}/type", "must be one of text, image")
        parts += parts_of_block(block, place)
    return parts


def _refuse_citing(block: Block, at: str) -> None:
    citations = block.get("citations")
    if isinstance(citations, dict) and citations.get("enabled"):
        raise refused(f"{at}/citations/enabled", _UNCITED)


def _data_url(block: Block, at: str) -> str:
    source = block.get("source")
    if not isinstance(source, dict) or source.get("type") != "base64":
        raise refused(f"{at}/source/type", _FETCHED)
    media = string(source.get("media_type"), f"{at}/source/media_type")
    return f"data:{media};base64,{string(source.get('data'), f'{at}/source/data')}"


_READERS: dict[str, Callable[[Block, str], list[Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
}
