"""Accept and Content-Type, as RFC 9110 has them."""

import pytest

from headworks.dialects.native.media import chosen, typed
from headworks.errors import Malformed, NotAcceptable, UnsupportedMedia

ALL = ("application/json", "text/csv", "text/event-stream")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/json", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/event-stream", "text/event-stream"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/csv;q=0.5, */*;q=0.1", "text/csv"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/*;q=0, */*", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json;q=0.9 , text/event-stream", "text/event-stream"),
        ('text/csv;header="present";q=1.000', "text/csv"),
        ("text/html,application/json", "application/json"),
    ],
)
def test_the_best_offered_type_is_chosen(accept: str | None, media: str) -> None:
    assert chosen(accept, ALL) == media


@pytest.mark.parametrize("accept", ["text/html", "image/*", "*/*;q=0", "application/json;q=0", "text/csv"])
def test_what_cannot_be_produced_is_406_and_names_what_can(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/json"):
        chosen(accept, ("application/json",))


@pytest.mark.parametrize(
    "accept", ["json", "text/csv;q=2", "text/csv;q=0.1234", "text/csv;q=x", "a/b;;=", "a/b," * 33, "a/" + "b" * 1000]
)
def test_a_broken_accept_is_400(accept: str) -> None:
    with pytest.raises(Malformed):
        chosen(accept, ALL)


def test_a_content_type_is_read_with_its_parameters() -> None:
    assert typed("Application/JSON; Charset=UTF-8") == ("application/json", (("charset", "UTF-8"),))
    assert typed('multipart/form-data; boundary="a\\"b c"') == ("multipart/form-data", (("boundary", 'a"b c'),))
    assert typed("text/csv;") == ("text/csv", ())


@pytest.mark.parametrize("content_type", ["", "json", "a/b/c", "a/b; c", "a/b; c=\x00", "a/b; " + "c=d;" * 300])
def test_what_is_no_media_type_is_415(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        typed(content_type)
