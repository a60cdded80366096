"""A file's content on its way through: of any length, held no more than a buffer of it, never a part for the whole."""

import asyncio
import itertools
import json
import socket
import threading

import openai
import pytest

from tests.keeping import KEY, account
from tests.running import mounted, service, write_config
from tests.story.test_keeping import client_of, sent

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: {key}, idle_timeout: 500ms}}
endpoints:
  files: {{v1: {{task: files, targets: ["up/files"], timeout: 2s}}}}
"""
PIECE = bytes(range(256)) * 256
MIB = 2**20
WHOLE_BYTES = 160 * MIB
KEPT_BYTES = 4 * MIB
"""How much of a stream a record keeps."""


class House:
    def __init__(self, running, kept):
        self.running, self.kept = running, kept

    def client(self, kind=openai.OpenAI):
        return client_of(self.running, self.running.key, kind)

    def file(self, pieces):
        """A file whose content comes so."""
        with self.client() as client:
            file = sent(client, b"x", purpose="user_data")
        self.kept.contents[file.id] = pieces
        return file.id

    def last_record(self, thing):
        listed = self.running.cli("records", "list", "--limit", "20")
        line = next(each for each in listed if each["route"] == "/v1/files/{thing}/content")
        return self.running.cli("records", "show", line["request_id"])

    def peak_bytes(self):
        """The most memory that the service ever took."""
        with open(f"/proc/{self.running.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keeping-streams")
    with account() as (kept, url):
        config = write_config(folder, CONFIG.format(url=url, key=KEY))
        with service(config, folder / "home") as running:
            yield House(running, kept)


def test_a_file_longer_than_any_whole_answer_passes_unaltered_in_little_memory(house):
    small = house.file(PIECE)
    with house.client() as client:
        client.files.content(small).read()
    before = house.peak_bytes()
    file = house.file([PIECE] * (WHOLE_BYTES // len(PIECE)))
    with house.client() as client, client.files.with_streaming_response.content(file) as answer:
        media = answer.headers["content-type"]
        same = [piece == PIECE for piece in answer.iter_bytes(len(PIECE))]

    assert media == "application/octet-stream"
    assert all(same)
    assert len(same) == WHOLE_BYTES // len(PIECE)
    assert house.peak_bytes() - before < 24 * MIB


def test_an_asynchronous_client_gets_the_same(house):
    file = house.file([PIECE] * 100)

    async def fetched():
        async with house.client(openai.AsyncOpenAI) as client:
            return (await client.files.content(file)).content

    assert asyncio.run(fetched()) == PIECE * 100


def test_what_exceeds_the_bound_of_a_record_is_counted_and_not_kept(house):
    file = house.file([PIECE] * 200)
    with house.client() as client:
        client.files.content(file).read()
    shown = house.last_record(file)

    assert (shown["outcome"], shown["output_bytes"]) == ("ok", 200 * len(PIECE))
    assert shown["target"] == "up/files"
    assert 0 < len(json.dumps(shown)) < 4 * KEPT_BYTES


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        pytest.param(lambda: [PIECE, PIECE, None], "provider_down", id="breaks"),
        pytest.param(lambda: itertools.chain([PIECE], _silence()), "provider_timeout", id="falls silent"),
    ],
)
def test_a_file_that_breaks_off_is_never_taken_for_a_whole_one(house, pieces, told):
    file = house.file(pieces())
    with house.client() as client, pytest.raises(openai.APIConnectionError):
        client.files.content(file).read()
    shown = house.last_record(file)

    assert shown["outcome"] in {told, "provider_broken"}
    assert len(PIECE) <= shown["output_bytes"] <= 2 * len(PIECE)


def _silence():
    threading.Event().wait(2)
    yield None


def test_once_its_first_byte_is_here_a_file_may_take_longer_than_its_endpoint_grants(house):
    file = house.file(_slowly(10))
    with house.client() as client:
        content = client.files.content(file).read()

    assert content == b"x" * 10


def test_a_file_is_cut_off_when_the_providers_time_is_over(tmp_path):
    with account() as (kept, url):
        text = CONFIG.format(url=url, key=KEY).replace("idle_timeout: 500ms", "total_timeout: 1s")
        with service(write_config(tmp_path, text), tmp_path / "home") as running:
            house = House(running, kept)
            file = house.file(_slowly(30))
            with house.client() as client, pytest.raises(openai.APIConnectionError):
                client.files.content(file).read()
            shown = house.last_record(file)

    assert shown["outcome"] == "provider_timeout"
    assert 0 < shown["output_bytes"] < 30


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_mounted_in_another_server_a_part_is_not_taken_for_the_whole_either(tmp_path, server):
    with account() as (kept, url):
        write_config(tmp_path, CONFIG.format(url=url, key=KEY))
        with mounted(tmp_path, server) as running:
            house = House(running, kept)
            whole, broken = house.file([PIECE] * 10), house.file([PIECE, PIECE, None])
            with house.client() as client:
                content = client.files.content(whole).read()
                with pytest.raises(openai.APIConnectionError):
                    client.files.content(broken).read()

    assert content == PIECE * 10


def _slowly(count):
    for _ in range(count):
        threading.Event().wait(0.25)
        yield b"x"


def test_a_caller_who_reads_slowly_slows_the_vendor(house):
    told = []
    file = house.file(told.append(each) or PIECE for each in range(WHOLE_BYTES // len(PIECE)))
    with socket.create_connection(("127.0.0.1", house.running.port)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        key = house.running.key
        head = f"GET /v1/files/{file}/content HTTP/1.1\r\nHost: 127.0.0.1:{house.running.port}\r\n"
        line.sendall(f"{head}Authorization: Bearer {key}\r\n\r\n".encode())
        first = line.recv(12)
        seen = -1
        while (now := len(told)) != seen:
            seen = now
            threading.Event().wait(0.3)

    assert first == b"HTTP/1.1 200"
    assert 0 < seen < WHOLE_BYTES // len(PIECE) // 2
    house.running.until(lambda: house.last_record(file)["outcome"] == "client_gone")


def test_a_refusal_and_an_empty_file_are_told_as_ever(house):
    lost, empty = house.file(b"x"), house.file(b"")
    house.kept.contents.pop(lost)
    with house.client() as client:
        with pytest.raises(openai.NotFoundError):
            client.files.content(lost)
        content = client.files.content(empty).read()

    assert content == b""


def test_the_same_content_under_an_idempotency_key_is_given_again(house):
    file = house.file(PIECE)
    with house.client() as client:
        answers = [client.files.content(file, extra_headers={"Idempotency-Key": "one"}) for _ in range(2)]

    assert [answer.read() for answer in answers] == [PIECE, PIECE]
    assert answers[1].response.headers["idempotency-replayed"] == "true"
    assert answers[1].response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("size_bytes", [17 * MIB, 80 * MIB])
def test_an_upload_above_the_bound_is_refused_with_words_that_the_client_shows(house, size_bytes):
    with house.client() as client, pytest.raises(openai.APIStatusError) as caught:
        sent(client, bytes(size_bytes), purpose="user_data")

    assert caught.value.status_code == 413
    assert "at most 16777216 bytes" in str(caught.value)
    assert caught.value.code == "body_too_large"
