"""Pictures and files in messages: sent within the request, never fetched from an address that a caller names."""

from typing import Any

from headworks.dialects.openai.body import refused

_TEXT = "must be a data: URL with the content itself; this service fetches nothing from addresses in requests"


def refuse_fetching(messages: Any, at: str = "/messages/{number}/content/{place}") -> None:
    """Refuse a picture that would have to be fetched, here or by a provider; anything else wrong is the schema's to say.

    Shapes: `at` is the pointer of a part, by the numbers of its message and its place.
    Raises: SchemaViolation (422).
    """
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            _refuse_in(content, number, at)


def _refuse_in(content: list[Any], number: int, at: str) -> None:
    for place, part in enumerate(content):
        image = part.get("image_url") if isinstance(part, dict) else None
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str) and not url.startswith("data:"):
            raise refused(f"{at.format(number=number, place=place)}/image_url/url", _TEXT)
