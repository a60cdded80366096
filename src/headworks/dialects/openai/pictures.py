"""Pictures in messages: sent within the request, never fetched from an address that a caller names."""

from typing import Any

from headworks.dialects.openai.body import refused

_TEXT = "must be a data: URL with the picture itself; this service fetches nothing from addresses in requests"


def refuse_fetching(messages: Any, at: str = "/messages/{number}/content/{place}") -> None:
    """Refuse a picture that would have to be fetched, here or by a provider; anything else wrong is the schema's to say.

    Shapes: `at` is the pointer of a part, by the numbers of its message and its place.
    Raises: SchemaViolation (422).
    """
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        for place, part in enumerate(content if isinstance(content, list) else ()):
            image = part.get("image_url") if isinstance(part, dict) else None
            url = image.get("url") if isinstance(image, dict) else image
            if isinstance(url, str) and not url.startswith("data:"):
                raise refused(f"{at.format(number=number, place=place)}/image_url/url", _TEXT)


def refuse_fetching_items(items: Any) -> None:
    """The same for the items of a Response, where also a file may be named by an address.

    Raises: SchemaViolation (422).
    """
    for number, item in enumerate(items if isinstance(items, list) else ()):
        content = item.get("content") if isinstance(item, dict) else None
        for place, part in enumerate(content if isinstance(content, list) else ()):
            for name in ("image_url", "file_url"):
                url = part.get(name) if isinstance(part, dict) else None
                if url is not None and not (isinstance(url, str) and url.startswith("data:")):
                    raise refused(f"/input/{number}/content/{place}/{name}", _TEXT)
