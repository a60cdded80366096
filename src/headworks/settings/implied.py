"""Providers that need not be written down: a target names the vendor, and its key stands where the vendor's own clients look for it."""

from collections.abc import Iterator, Mapping
from typing import Any

KEYS: Mapping[str, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "cohere": "CO_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "huggingface": "HF_TOKEN",
    "openai": "OPENAI_API_KEY",
}
"""By kind, those that need nothing but a key: the environment variable that holds it."""
_NAMING = frozenset({"targets", "shadow", "fallback"})
_VERSION, _KEY = 3, 4
"""How many steps down the document a version stands, and what it says."""

Place = tuple[str, ...]


def implied(document: Mapping[str, Any]) -> dict[str, Place]:
    """The vendors that targets name and `providers` does not, each with the first place that names it."""
    written = document.get("providers")
    known = written if isinstance(written, dict) else {}
    found: dict[str, Place] = {}
    for place, text in _texts(document.get("endpoints"), ("endpoints",)):
        vendor, is_outside, _ = text.partition("/")
        if is_outside and vendor in KEYS and vendor not in known and _names_target(place):
            found.setdefault(vendor, place)
    return found


def _names_target(place: Place) -> bool:
    """Whether a place within an endpoint's version is one where targets are named."""
    key = place[_VERSION:_KEY]
    return bool(_NAMING & set(key)) or (key == ("cache",) and place[-1] == "embeddings")


def written_out(document: Mapping[str, Any], vendors: Mapping[str, Place]) -> dict[str, Any]:
    """The document as if those vendors stood in it with their variables."""
    if not vendors:
        return dict(document)
    said = {vendor: {"api_key": f"${{{KEYS[vendor]}}}"} for vendor in vendors}
    return {**document, "providers": {**said, **(document.get("providers") or {})}}


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Every text, with where it stands."""
    if isinstance(value, str):
        yield place, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        yield from _texts(each, (*place, str(name)))
