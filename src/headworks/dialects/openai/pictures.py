"""Pictures and files in messages: sent within the request, never fetched from an address that a caller names."""

from collections.abc import Iterator
from typing import Any

from headworks.dialects.openai.body import refused

_TEXT = "must be a data: URL with the content itself; this service fetches nothing from addresses in requests"


def refuse_fetching(messages: Any, at: str = "/messages/{number}/content/{place}") -> None:
    """Refuse a picture that would have to be fetched, here or by a provider; anything else wrong is the schema's to say.

    Shapes: `at` is the pointer of a part, by the numbers of its message and its place.
    Raises: SchemaViolation (422).
    """
    for number, place, part in _parts(messages):
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str) and not url.startswith("data:"):
            raise refused(f"{at.format(number=number, place=place)}/image_url/url", _TEXT)


def _parts(messages: Any) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Every part of every message, with the numbers of both; what has another form is passed over."""
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        for place, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict):
                yield number, place, part
