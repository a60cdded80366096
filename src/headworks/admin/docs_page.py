"""The page at `/docs`: it renders `/openapi.json` with nothing but its own three files, and works offline."""

from functools import cache
from pathlib import Path

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
)
"""What each of the three files is sent with."""

PAGES = {
    "docs.html": "text/html; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
}
"""The three files and their media types: the page at `/docs`, the others below `/docs/`."""


@cache
def page(name: str) -> bytes:
    """One of the three files, read once.

    Raises: KeyError for any other name.
    """
    if name not in PAGES:
        raise KeyError(name)
    return (Path(__file__).parent / "pages" / name).read_bytes()
