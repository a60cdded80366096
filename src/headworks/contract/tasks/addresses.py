"""Addresses within requests, which nobody visits: neither this service nor, on its behalf, a vendor.

Tasks whose items are typed say so in their schema; these are the ones that hand a vendor's own items on.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from headworks.contract.tasks import message_token_count, messages, responses
from headworks.errors import FieldError, SchemaViolation

_TEXT = "must be within the request: no address in a request is visited, here or by a vendor"
_MOST_NAMED = 10


def refuse_addresses(task: str, document: Any) -> None:
    """Refuse a request that would have something fetched from an address, or a server called, that it names.

    Raises: SchemaViolation (422).
    """
    wrong = tuple(FieldError(pointer, _TEXT) for pointer in islice(FINDERS[task](document), _MOST_NAMED))
    if wrong:
        raise SchemaViolation(errors=wrong)


def _in_messages(document: Mapping[str, Any]) -> Iterator[str]:
    """Servers of tools; sources of pictures and documents, also within the results of tools."""
    if document.get("mcp_servers"):
        yield "/mcp_servers"
    for at, turn in _numbered(document.get("messages"), "/messages"):
        yield from _sources(turn.get("content"), f"{at}/content")


def _sources(content: Any, at: str) -> Iterator[str]:
    for place, block in _numbered(content, at):
        source = block.get("source")
        if isinstance(source, dict) and source.get("type") == "url":
            yield f"{place}/source/type"
        yield from _sources(block.get("content"), f"{place}/content")


def _in_responses(document: Mapping[str, Any]) -> Iterator[str]:
    """Servers of tools; pictures and files in messages and in the results of tools."""
    for at, tool in _numbered(document.get("tools"), "/tools"):
        if tool.get("server_url") is not None:
            yield f"{at}/server_url"
        mask = tool.get("input_image_mask")
        if isinstance(mask, dict) and _is_address(mask.get("image_url")):
            yield f"{at}/input_image_mask/image_url"
    for at, item in _numbered(document.get("input"), "/input"):
        for field in ("content", "output"):
            held, where = item.get(field), f"{at}/{field}"
            parts = [(where, held)] if isinstance(held, dict) else _numbered(held, where)
            for place, part in parts:
                yield from (f"{place}/{name}" for name in ("image_url", "file_url") if _is_address(part.get(name)))


def _is_address(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and value.startswith("data:"))


def _numbered(items: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of an array, each with its pointer; anything else is the schema's to refuse."""
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield f"{at}/{number}", item


FINDERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    message_token_count.NAME: _in_messages,
    messages.NAME: _in_messages,
    responses.NAME: _in_responses,
}
"""By task: the pointers of what a request names by an address."""
