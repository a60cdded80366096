"""Small requests that would grow large: refused before they do, and the service is none the worse."""

import gzip
import io
import json
import struct
import zlib

import pytest

from tests.running import service, write_config
from tests.talking import Talk

CONFIG = """
models:
  echo: {python: "kinds:Echo"}
  sum: {python: "kinds:Sum"}
  bytes: {python: "typed:Bytes"}
  look: {python: "typed:Look"}
  parrot: {python: "chatting:Parrot"}
  mirror: {python: "chatting:Letters"}
  judge: {python: "media:Judge"}
  listener: {python: "media:Listener"}
  doubled: {python: "tensors:Doubled"}
  shout: {python: "tensors:shout"}
endpoints:
  echo: {v1: {targets: [echo]}}
  sum: {v1: {targets: [sum]}}
  bytes: {v1: {targets: [bytes]}}
  look: {v1: {targets: [look]}}
  chat: {v1: {task: chat, targets: [parrot]}}
  mirror: {v1: {task: embeddings, targets: [mirror]}}
  judge: {v1: {task: moderation, targets: [judge]}}
  listener: {v1: {task: speech-to-text, targets: [listener]}}
  doubled: {v1: {targets: [doubled]}}
  shout: {v1: {targets: [shout]}}
server: {max_body: 4MiB}
logs: {calls: false}
"""
MODELS = ("kinds.py", "typed.py", "chatting.py", "media.py", "tensors.py")
MOST_GROWTH_BYTES = 120 * 2**20
BOMBS = {
    "deep": b"[" * 2_000_000,
    "deep and closed": b"[" * 500_000 + b"]" * 500_000,
    "deep objects": b'{"x":' * 500_000,
    "digits": b'{"x":[' + b"9" * 1_000_000 + b"]}",
    "exponent": b'{"x":[1e999999999]}',
    "negative": b'{"x":[-1e400]}',
    "numbers": b'{"x":[' + b"1," * 1_000_000 + b"1]}",
    "fields": b"{" + b",".join(b'"%d":1' % n for n in range(200_000)) + b"}",
    "rows": b"[" + b",".join([b"{}"] * 500_000) + b"]",
    "escapes": b'{"x":"' + b"\\u0000" * 300_000 + b'"}',
    "surrogate": b'{"x":["\\ud800"]}',
    "no text": b"\xff\xfe" * 1000,
}
ASKED = {
    "/v1/chat/completions": ("chat", "messages"),
    "/v1/completions": ("chat", "prompt"),
    "/v1/responses": ("chat", "input"),
    "/v1/messages": ("chat", "messages"),
    "/v1/messages/count_tokens": ("chat", "messages"),
    "/v1/embeddings": ("mirror", "input"),
    "/v1/moderations": ("judge", "input"),
}
"""By path: the model that is asked, and the field that holds what is asked."""


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bombs")
    with service(write_config(folder, CONFIG, models=MODELS), folder / "home") as running:
        running.call("/api/look/v1", body=picture(4, 4), headers={"Content-Type": "image/png"})
        yield running


@pytest.fixture(autouse=True)
def unharmed(target):
    """After each bomb: the same workers, no more memory than before, and an answer."""
    workers, before = target.workers(), memory_bytes(target)
    yield
    assert target.call("/api/echo/v1", {"text": "a"}).status == 200
    assert target.workers() == workers
    assert memory_bytes(target) - before < MOST_GROWTH_BYTES


def memory_bytes(running):
    """The most that the service and its workers ever held."""
    peaks = 0
    for process_id in (running.process.pid, *running.workers()):
        with open(f"/proc/{process_id}/status") as status:
            peaks += next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    return peaks


def picture(width, height, data=None):
    """A PNG that says it is so large; its data is nothing but zeros."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(bytes((1 + 3 * width) * height)) if data is None else data
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zeros(size):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (zeros(200 * 2**20), "gzip", 413),
        (gzip.compress(zeros(200 * 2**20)), "gzip, gzip", 415),
        (zlib.compress(bytes(50 * 2**20)), "deflate", 413),
        (b"not gzip at all", "gzip", 400),
        (gzip.compress(b'{"text":"a"}')[:-4], "gzip", 400),
        (b"x", "br", 415),
    ],
    ids=["gzip", "gzip twice", "deflate", "no gzip", "cut", "brotli"],
)
def test_a_body_that_unpacks_into_a_flood_is_refused(target, body, coding, status):
    assert target.call("/api/echo/v1", body=body, headers={"Content-Encoding": coding}).status == status


def test_a_body_that_is_packed_and_fits_is_read(target):
    body = gzip.compress(json.dumps({"text": "packed"}).encode())

    assert target.call("/api/echo/v1", body=body, headers={"Content-Encoding": "gzip"}).json == {"text": "packed"}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_json_that_is_too_deep_too_wide_or_no_json_is_refused(target, body):
    assert target.call("/api/sum/v1", body=body).status in {400, 413, 422}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("path", ASKED)
def test_vendors_paths_refuse_it_too_wherever_it_stands(target, path, bomb):
    model, field = (name.encode() for name in ASKED[path])
    bodies = [
        b'{"model":"' + model + b'","max_tokens":1,"' + field + b'":' + bomb + b"}",
        b'{"model":' + bomb + b"}",
        b'{"' + field + b'":' + bomb + b',"model":"' + model + b'"}',
    ]

    assert {target.call(path, body=body).status for body in bodies} <= {400, 413, 422}


@pytest.mark.parametrize("path", ASKED)
def test_what_is_no_json_is_refused_unread(target, path):
    body = b'{"model":"chat","x":"' + b"a" * 3_000_000 + b'"}'

    assert target.call(path, body=body, headers={"Content-Type": "image/png"}).status == 415


def test_a_form_of_very_many_parts_is_refused(target):
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    answer = target.call(
        "/api/echo/v1", body=part * 30_000 + b"--x--\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert answer.status in {400, 413, 422}


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b"model"] * 30_000, 422),
        ([b"model", b"file", b"file"], 422),
        ([b"model", b"model", b"file"], 422),
        ([b"file"], 422),
        ([], 422),
    ],
    ids=["many", "two files", "two models", "no model", "none"],
)
def test_a_recording_in_a_form_that_says_things_twice_or_not_at_all_is_refused(target, parts, status):
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\nlistener\r\n'
    body = b"".join(part % name for name in parts) + b"--x--\r\n"
    answer = target.call(
        "/v1/audio/transcriptions", body=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert answer.status == status


@pytest.mark.parametrize(
    "size", [(60_000, 60_000), (2_000_000_000, 1), (1, 2_000_000_000), (0, 0)], ids=["large", "wide", "high", "none"]
)
def test_a_picture_that_says_it_is_enormous_is_refused_before_it_is_drawn(target, size):
    body = picture(*size, data=zlib.compress(bytes(1000)))
    answer = target.call("/api/look/v1", body=body, headers={"Content-Type": "image/png"})

    assert answer.status in {413, 415, 422}


def test_a_picture_that_is_what_it_says_is_seen(target):
    assert target.call("/api/look/v1", body=picture(30, 20), headers={"Content-Type": "image/png"}).json == [30, 20]


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(target):
    with Talk(target.port, target.key) as talk:
        talk.send(f"POST /api/echo/v1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {target.key}\r\n".encode())
        talk.send(b"Content-Type: application/json\r\nContent-Length: 9000000000\r\n\r\n")

        assert talk.answer().status == 413


def test_a_body_without_end_is_refused_once_it_is_too_large(target):
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with Talk(target.port, target.key) as talk:
        talk.send(f"POST /api/bytes/v1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {target.key}\r\n".encode())
        talk.send(b"Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            talk.send(piece)

        assert talk.answer().status == 413
        assert talk.read() == b""


@pytest.mark.parametrize("path", [*ASKED, "/v2/models/doubled/infer", "/v2/repository/index"])
@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (zeros(200 * 2**20), "gzip", {413}),
        (gzip.compress(zeros(200 * 2**20)), "gzip, gzip", {415}),
        (zlib.compress(bytes(50 * 2**20)), "deflate", {413}),
        (gzip.compress(b"[" * 3_000_000), "gzip", {400, 413}),
        (b"not gzip at all", "gzip", {400}),
        (gzip.compress(b'{"model":"chat"}')[:-4], "gzip", {400}),
    ],
    ids=["gzip", "gzip twice", "deflate", "brackets", "no gzip", "cut"],
)
def test_every_dialect_refuses_a_body_that_unpacks_into_a_flood(target, path, body, coding, status):
    answer = target.call(path, body=body, headers={"Content-Encoding": coding})

    assert answer.status in status
    assert answer.json["error"]


def tensors(**more):
    """The JSON of a request for one row of four floats, with something else in it."""
    one = {"name": "input", "shape": [4], "datatype": "FP32", **more}
    return json.dumps({"inputs": [one]}).encode()


HUGE = (10**9, 2**31, 2**63, 2**64 - 1, 10**30)
"""Sizes that no request has."""
TENSOR_BOMBS = {
    **{
        f"{name} in data": b'{"inputs":[{"name":"input","shape":[4],"datatype":"FP32","data":' + bomb + b"}]}"
        for name, bomb in BOMBS.items()
    },
    **{f"{name} as parameters": b'{"parameters":' + bomb + b',"inputs":[]}' for name, bomb in BOMBS.items()},
    **{f"a dimension of {size}": tensors(shape=[size], data=[]) for size in HUGE},
    "dimensions that multiply to very many": tensors(shape=[2**31] * 8, data=[]),
    "very many dimensions": tensors(shape=[1] * 100_000, data=[1.0]),
    "no rows of very many": tensors(shape=[0, 2**40], data=[]),
    "very many rows of nothing": tensors(shape=[2**40, 0], data=[]),
    "very many inputs": json.dumps(
        {"inputs": [{"name": f"i{n}", "shape": [1], "datatype": "FP32", "data": [1]} for n in range(20_000)]}
    ).encode(),
    "very many outputs": json.dumps({"inputs": [], "outputs": [{"name": f"o{n}"} for n in range(20_000)]}).encode(),
}


@pytest.mark.parametrize("body", TENSOR_BOMBS.values(), ids=TENSOR_BOMBS)
def test_tensors_that_are_too_deep_too_many_or_none_are_refused(target, body):
    answer = target.call("/v2/models/doubled/infer", body=body)

    assert answer.status in {400, 413, 422}
    assert isinstance(answer.json["error"], str)


@pytest.mark.parametrize("rows", [4_000_001, *HUGE])
def test_very_many_rows_of_nothing_are_refused_too(target, rows):
    one = {"name": "x", "shape": [rows, 0], "datatype": "FP64", "data": []}

    assert target.call("/v2/models/sum/infer", {"inputs": [one]}).status == 422


@pytest.mark.parametrize(
    "length", ["-1", "1e3", "0x10", "", "99999999999999999999", "7.0", "1, 2", "4 ", "+4", *map(str, HUGE)]
)
def test_a_length_of_the_json_that_cannot_be_is_refused(target, length):
    headers = {"Inference-Header-Content-Length": length}

    assert target.call("/v2/models/doubled/infer", body=tensors(data=[1, 2, 3, 4]), headers=headers).status == 400


@pytest.mark.parametrize("cut", [-40, -1, 1, 16])
def test_a_length_of_the_json_that_is_beside_it_is_refused(target, cut):
    head = tensors(parameters={"binary_data_size": 16})
    headers = {"Inference-Header-Content-Length": str(len(head) + cut)}

    assert target.call("/v2/models/doubled/infer", body=head + bytes(16), headers=headers).status in {400, 422}


@pytest.mark.parametrize("size", [-1, 0, 15, 17, 1.5, "16", None, True, [16], *HUGE])
def test_raw_bytes_that_are_not_as_many_as_they_say_are_refused(target, size):
    head = tensors(parameters={"binary_data_size": size})
    headers = {"Inference-Header-Content-Length": str(len(head))}

    assert target.call("/v2/models/doubled/infer", body=head + bytes(16), headers=headers).status in {400, 422}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\x7fabc",
        b"\x05\x00\x00\x00abc",
        b"\x00\x00\x00\x00" * 2,
        b"\x03\x00\x00",
        bytes(1_000_000),
    ],
    ids=[
        "nothing",
        "a length alone",
        "a huge length",
        "too few",
        "two for one",
        "half a length",
        "very many of nothing",
    ],
)
def test_texts_whose_lengths_are_not_their_own_are_refused(target, raw):
    head = tensors(datatype="BYTES", shape=[1], parameters={"binary_data_size": len(raw)})
    headers = {"Inference-Header-Content-Length": str(len(head))}

    assert target.call("/v2/models/shout/infer", body=head + raw, headers=headers).status in {400, 422}


DEEP = [
    b'{"x":' + b"[" * 60_000,
    b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"parameters":{"a":' + b"[" * 60_000,
]


@pytest.mark.parametrize("body", [*DEEP, b"[" * 60_000, b"\xff", b"{"])
@pytest.mark.parametrize("path", ["/v2/repository/index", "/v2/repository/models/doubled/load", "/admin/keys"])
def test_small_forms_that_are_very_deep_or_no_json_are_refused(target, path, body):
    key = target.key if path.endswith("index") else target.admin_key

    assert target.call(path, body=body, key=key).status in {400, 422}
