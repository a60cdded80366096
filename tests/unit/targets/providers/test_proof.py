"""The suite for operations finds what an operation must not do."""

import msgspec
import pytest
from msgspec import structs

from headworks.costs import Usage
from headworks.errors import ProviderBusy, ProviderDown
from headworks.secret import Secret
from headworks.targets.providers.key_header import KeyHeader
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.proof import (
    Unproven,
    prove_credential,
    prove_failure,
    prove_reply,
    prove_request,
    prove_stream,
)
from headworks.targets.providers.wire import Answer, HttpResponse, Origin, Piece
from tests.unit.targets.providers.chats import ask

GOOD = OpenAiChat("m", Server())
HEAD = {"id": "c", "created": 1, "model": "m"}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
WHOLE = msgspec.json.encode({**HEAD, "object": "chat.completion", "choices": [CHOICE]})
ORIGIN = Origin("https", "a.example", 443)


def chunk(delta, finish=None):
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return msgspec.json.encode({**HEAD, "object": "chat.completion.chunk", "choices": choices})


STREAM = b"".join(b"data: " + part + b"\n\n" for part in (chunk({"content": "Hi."}), chunk({}, "stop"), b"[DONE]"))


class Bent:
    """A good operation with one thing wrong."""

    def __init__(self, **wrong):
        self._wrong = wrong

    def __getattr__(self, name):
        return self._wrong.get(name) or getattr(GOOD, name)


def changed(**fields):
    return Bent(request=lambda asked: structs.replace(GOOD.request(asked), **fields))


def answering(**fields):
    return Bent(reply=lambda asked, response: structs.replace(GOOD.reply(asked, response), **fields))


class Reader:
    """Pieces told by whoever made it, for each feeding and at the end."""

    def __init__(self, feed, finish):
        self.feed, self.finish = feed, finish


def test_a_good_operation_is_proved():
    assert prove_request(GOOD, ask()).path == "/chat/completions"
    assert prove_reply(GOOD, ask(), HttpResponse(200, {}, WHOLE)).document == WHOLE
    assert len(prove_stream(GOOD, ask(), STREAM)) == 2


@pytest.mark.parametrize(
    "bent",
    [
        changed(method="post"),
        changed(path="chat"),
        changed(path="/with space"),
        changed(path="/line\nend"),
        changed(headers=(("Content-Type", "application/json"),)),
        changed(headers=(("host", "elsewhere"),)),
        changed(headers=(("x-more", "a\r\nb: c"),)),
    ],
)
def test_a_malformed_request_is_found(bent):
    with pytest.raises(Unproven):
        prove_request(bent, ask())


def test_a_request_that_differs_from_time_to_time_is_found():
    counted = iter(range(9))
    bent = Bent(request=lambda asked: structs.replace(GOOD.request(asked), path=f"/{next(counted)}"))

    with pytest.raises(Unproven, match="two different"):
        prove_request(bent, ask())


@pytest.mark.parametrize(
    "bent",
    [
        answering(document=b"{}"),
        answering(model=""),
        answering(usage=Usage(input_tokens=-1)),
        answering(document=b"[]"),
    ],
)
def test_a_reply_that_breaks_the_contract_is_found(bent):
    with pytest.raises(Unproven):
        prove_reply(bent, ask(), HttpResponse(200, {}, WHOLE))


def test_an_empty_answer_of_another_media_type_is_found():
    with pytest.raises(Unproven, match="empty"):
        prove_reply(Bent(reply=lambda *about: Answer(b"", None, "m", "audio/mpeg")), ask(), HttpResponse(200, {}, b""))


def test_a_failure_of_another_class_or_that_tells_the_vendors_text_is_found():
    refusal = HttpResponse(429, {}, b"{}")

    with pytest.raises(Unproven, match="ProviderBusy, not ProviderDown"):
        prove_failure(GOOD, refusal, ProviderDown)
    with pytest.raises(Unproven, match="the caller is told"):
        prove_failure(Bent(failure=lambda response: ProviderBusy("vendor says no")), refusal, ProviderBusy)


@pytest.mark.parametrize(
    ("reader", "found"),
    [
        (
            lambda: Reader(lambda data: [Piece(chunk({"content": "x"}), None, is_content=True)], list),
            "reads differently",
        ),
        (lambda: Reader(lambda data: [], lambda: [Piece(b"{}", None, is_content=True)]), "schema"),
        (lambda: Reader(lambda data: [], lambda: [Piece()]), "says nothing"),
        (lambda: Reader(lambda data: [], lambda: [Piece(chunk({}), None)]), "marked as content"),
    ],
)
def test_a_reader_that_lets_cuts_matter_or_tells_no_events_is_found(reader, found):
    with pytest.raises(Unproven, match=found):
        prove_stream(Bent(reader=lambda asked: reader()), ask(), STREAM)


def test_a_reader_that_takes_a_short_stream_for_whole_is_found():
    class Careless:
        def __init__(self):
            self._reader = GOOD.reader(ask())
            self.feed = self._reader.feed

        def finish(self):
            return []

    with pytest.raises(Unproven, match="taken for whole"):
        prove_stream(Bent(reader=lambda asked: Careless()), ask(), STREAM)


def test_a_credential_that_shows_its_secret_is_found():
    secret = Secret("sk-canary-1")

    class InPath(KeyHeader):
        def signed(self, request, origin, wall_ns):
            return structs.replace(request, path=f"{request.path}&key={secret.reveal()}")

    class InBody(KeyHeader):
        def signed(self, request, origin, wall_ns):
            return structs.replace(request, body=b'{"key": "sk-canary-1"}')

    class InText(KeyHeader):
        def __repr__(self):
            return secret.reveal()

    prove_credential(KeyHeader(secret), secret, ORIGIN)
    for careless in (InPath, InBody, InText):
        with pytest.raises(Unproven):
            prove_credential(careless(secret), secret, ORIGIN)
