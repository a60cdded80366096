"""A vendor's account on loopback that keeps files, batches and fine-tuning jobs for whoever has its key.

It knows one account only, as the vendors do: every thing is shown to every call. Bodies have the fields that the official
client's types name; a batch's lines and a job's examples are worked off when the test says so.
"""

import itertools
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from multipart import MultipartSegment, PushMultipartParser

from tests.loopback import listening

KEY = "canary7vendorkey"


class Account:
    """All that is kept; `asked` are the requests, `script` answers that come before any other, an empty `gate` holds answers back."""

    def __init__(self):
        self.files, self.batches, self.jobs, self.responses = {}, {}, {}, {}
        self.contents = {}
        self.asked = []
        self.script = []
        self.gate = threading.Event()
        self.gate.set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def id(self, start):
        """A new id, as long as the vendor's."""
        return f"{start}{next(self._numbers):022d}"

    def file(self, content, filename, purpose, **more):
        """Keep a file."""
        made = {
            "id": self.id("file-"), "object": "file", "bytes": len(content), "created_at": 1_760_000_000,
            "filename": filename, "purpose": purpose, "status": "processed", "status_details": None, **more,
        }  # fmt: skip
        self.files[made["id"]] = made
        self.contents[made["id"]] = content
        return made

    def finish_batch(self, batch_id, status="completed", done=None, tells=True):
        """Work off a batch, or the first lines of it: an output file of an answer a line, and an error file.

        Each answer takes USED; the batch itself says so, as the vendor's do since 2025, unless `tells` is false.
        """
        batch = self.batches[batch_id]
        lines = [json.loads(line) for line in self.contents[batch["input_file_id"]].splitlines()]
        ran = lines[:done]
        output = "\n".join(json.dumps(answered(line)) for line in ran).encode()
        if ran:
            batch["output_file_id"] = self.file(output, "output.jsonl", "batch_output")["id"]
        batch["error_file_id"] = self.file(b"{}", "errors.jsonl", "batch_output")["id"]
        batch |= {"status": status, "completed_at": 1_760_000_100}
        batch["request_counts"] = {"total": len(lines), "completed": len(ran), "failed": len(lines) - len(ran)}
        if tells:
            count = len(ran)
            batch["model"] = ran[0]["body"]["model"] + "-2025-08-07" if ran else None
            batch["usage"] = {
                "completion_tokens": 0, "prompt_tokens": 0, "total_tokens": 17 * count,
                "input_tokens": 10 * count, "input_tokens_details": {"cached_tokens": 4 * count},
                "output_tokens": 7 * count, "output_tokens_details": {"reasoning_tokens": 2 * count},
            }  # fmt: skip

    def finish_job(self, job_id):
        """End a job with a model, its results and a checkpoint."""
        job = self.jobs[job_id]
        result = self.file(b"step,loss\n1,0.5\n", "results.csv", "fine-tune-results")
        job |= {"status": "succeeded", "result_files": [result["id"]], "finished_at": 1_760_000_200}
        job["fine_tuned_model"] = f"ft:{job['model']}:org::{job_id[-8:]}"

    def answer(self, method, target, headers, body):
        """Status, media type and content of the answer to one request."""
        split = urlsplit(target)
        with self._lock:
            self.asked.append((method, split.path, dict(headers), body))
            scripted = self.script.pop(0) if self.script else None
        if callable(scripted):
            return scripted(lambda: self._done(method, split, headers, body))
        done = self._done(method, split, headers, body) if scripted is None else scripted
        self.gate.wait(20)
        return done

    def _done(self, method, split, headers, body):
        if headers.get("authorization") != f"Bearer {KEY}":
            return refusal(401, "invalid_api_key", "wrong key")
        for kind, pattern, act in ROUTES:
            found = re.fullmatch(pattern, split.path)
            if found and method == kind:
                words = {name: values[0] for name, values in parse_qs(split.query).items()}
                return act(self, *found.groups(), headers=headers, body=body, words=words)
        return refusal(404, None, f"Invalid URL ({method} {split.path})")

    def create_file(self, headers, body, words):
        fields, filename = {}, None
        part = None
        boundary = headers["content-type"].partition("boundary=")[2]
        with PushMultipartParser(boundary, content_length=len(body), strict=True) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    part = event
                    fields[part.name] = b""
                    filename = part.filename or filename
                elif event is not None:
                    fields[part.name] += bytes(event)
        if "purpose" not in fields:
            return refusal(400, None, "'purpose' is a required property")
        more = {}
        if b"created_at" == fields.get("expires_after[anchor]"):
            more["expires_at"] = 4_000_000_000 + int(fields["expires_after[seconds]"])
        return ok(self.file(fields["file"], filename, fields["purpose"].decode(), **more))

    def create_batch(self, headers, body, words):
        asked = json.loads(body)
        if asked["input_file_id"] not in self.files:
            return refusal(400, "invalid_file", "no such file", "input_file_id")
        made = {
            "id": self.id("batch_"), "object": "batch", "endpoint": asked["endpoint"], "errors": None,
            "input_file_id": asked["input_file_id"], "completion_window": asked["completion_window"],
            "status": "validating", "output_file_id": None, "error_file_id": None, "created_at": 1_760_000_000,
            "metadata": asked.get("metadata"),
        }  # fmt: skip
        self.batches[made["id"]] = made
        return ok(made)

    def create_job(self, headers, body, words):
        asked = json.loads(body)
        made = {
            "id": self.id("ftjob-"), "object": "fine_tuning.job", "model": asked["model"], "created_at": 1_760_000_000,
            "fine_tuned_model": None, "organization_id": "org-1", "result_files": [], "status": "queued",
            "validation_file": asked.get("validation_file"), "training_file": asked["training_file"], "seed": 1,
            "hyperparameters": {"n_epochs": "auto"}, "trained_tokens": None, "finished_at": None, "error": None,
            "method": asked.get("method"),
        }  # fmt: skip
        self.jobs[made["id"]] = made
        return ok(made)

    def create_response(self, headers, body, words):
        asked = json.loads(body)
        text = {"type": "output_text", "text": f"You said: {asked['input']}", "annotations": []}
        made = {
            "id": self.id("resp_"), "object": "response", "created_at": 1_760_000_000, "status": "completed",
            "model": asked["model"], "output": [
                {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
            ], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        }  # fmt: skip
        if asked.get("store", True):
            self.responses[made["id"]] = made
        if not asked.get("stream"):
            return ok(made)
        begun = {
            "type": "response.created",
            "sequence_number": 0,
            "response": {**made, "status": "in_progress", "output": []},
        }
        delta = {
            "type": "response.output_text.delta",
            "sequence_number": 1,
            "delta": "You",
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
        }
        ended = {"type": "response.completed", "sequence_number": 2, "response": made}
        told = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in (begun, delta, ended))
        return 200, "text/event-stream", told.encode()

    def delete_response(self, thing, **asked):
        if self.responses.pop(thing, None) is None:
            return unknown(thing)
        return ok({"id": thing, "object": "response", "deleted": True})

    def input_items(self, thing, words, **asked):
        if thing not in self.responses:
            return unknown(thing)
        item = {
            "id": "msg_0",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": json.dumps(words)}],
        }
        return ok({"object": "list", "data": [item], "first_id": "msg_0", "last_id": "msg_0", "has_more": False})

    def one(self, shelf, thing, **asked):
        found = getattr(self, shelf).get(thing)
        return ok(found) if found else unknown(thing)

    def content(self, thing, **asked):
        found = self.contents.get(thing)
        return (200, "text/html", found) if found is not None else unknown(thing)

    def delete_file(self, thing, **asked):
        if self.files.pop(thing, None) is None:
            return unknown(thing)
        self.contents.pop(thing, None)
        return ok({"id": thing, "object": "file", "deleted": True})

    def cancel(self, shelf, thing, **asked):
        found = getattr(self, shelf).get(thing)
        if found is None:
            return unknown(thing)
        if found["status"] in {"completed", "succeeded"}:
            return refusal(409, None, f"Cannot cancel one with status '{found['status']}'.")
        found["status"] = "cancelling" if shelf == "batches" else "cancelled"
        return ok(found)

    def hold(self, thing, act, **asked):
        if thing not in self.jobs:
            return unknown(thing)
        self.jobs[thing]["status"] = "paused" if act == "pause" else "queued"
        return ok(self.jobs[thing])

    def events(self, thing, words, **asked):
        if thing not in self.jobs:
            return unknown(thing)
        all_of = [
            {"id": f"ftevent-{n}", "object": "fine_tuning.job.event", "created_at": 1, "level": "info", "message": f"m{n}"}
            for n in range(5)
        ]  # fmt: skip
        start = 1 + int(words["after"].removeprefix("ftevent-")) if "after" in words else 0
        page = all_of[start : start + int(words.get("limit", 20))]
        return ok({"object": "list", "data": page, "has_more": start + len(page) < len(all_of)})

    def checkpoints(self, thing, **asked):
        if thing not in self.jobs:
            return unknown(thing)
        step = {
            "id": f"ftckpt_{thing[-4:]}", "object": "fine_tuning.job.checkpoint", "created_at": 1, "step_number": 10,
            "fine_tuning_job_id": thing, "metrics": {"step": 10.0},
            "fine_tuned_model_checkpoint": f"ft:m:org::{thing[-8:]}:ckpt-step-10",
        }  # fmt: skip
        return ok({"object": "list", "data": [step], "first_id": step["id"], "last_id": step["id"], "has_more": False})


USED = {
    "prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2},
}  # fmt: skip
"""What each line of a batch takes."""


def listed(running, key, kind):
    """The ids of everything of a kind that a caller has, over all pages."""
    found, after = [], ""
    while True:
        page = running.call(f"/v1/{kind}?limit=100{after}", method="GET", key=key).json
        found += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            return found
        after = f"&after={page['last_id']}"


def answered(line):
    """A line of a batch's output."""
    model = line["body"]["model"] + "-2025-08-07"
    body = {"id": "c", "object": "chat.completion", "model": model, "choices": [], "usage": USED}
    response = {"status_code": 200, "request_id": "r", "body": body}
    return {"id": "batch_req_1", "custom_id": line["custom_id"], "response": response, "error": None}


def ok(document):
    return 200, "application/json", json.dumps(document).encode()


def refusal(status, code, message, param=None):
    error = {"message": f"canary7vendortext {message}", "type": "invalid_request_error", "param": param, "code": code}
    return status, "application/json", json.dumps({"error": error}).encode()


def unknown(thing):
    return refusal(404, None, f"No such thing: {thing}", "id")


SHELF = r"/v1/(?:fine_tuning/)?(files|batches|jobs|responses)"
ROUTES = (
    ("POST", "/v1/files", Account.create_file),
    ("POST", "/v1/batches", Account.create_batch),
    ("POST", "/v1/fine_tuning/jobs", Account.create_job),
    ("POST", "/v1/responses", Account.create_response),
    ("DELETE", "/v1/responses/([^/]+)", Account.delete_response),
    ("GET", "/v1/responses/([^/]+)/input_items", Account.input_items),
    ("GET", "/v1/files/([^/]+)/content", Account.content),
    ("GET", SHELF + "/([^/]+)", Account.one),
    ("DELETE", "/v1/files/([^/]+)", Account.delete_file),
    ("POST", SHELF + "/([^/]+)/cancel", Account.cancel),
    ("POST", "/v1/fine_tuning/jobs/([^/]+)/(pause|resume)", Account.hold),
    ("GET", "/v1/fine_tuning/jobs/([^/]+)/events", Account.events),
    ("GET", "/v1/fine_tuning/jobs/([^/]+)/checkpoints", Account.checkpoints),
)


@contextmanager
def account():
    """An account that listens; gives it and its base URL."""
    kept = Account()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answered = kept.answer(self.command, self.path, headers, body)
            if answered is None:  # the connection breaks without an answer
                self.close_connection = True
                return
            status, media, content = answered
            if not isinstance(content, bytes):
                self._tell(status, media, content)
                return
            head = f"HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {len(content)}\r\n\r\n"
            self.wfile.write(head.encode() + content)

        def _tell(self, status, media, pieces):
            """In chunks, one a piece; without the last one where the pieces end in None."""
            head = f"HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ntransfer-encoding: chunked\r\n\r\n"
            self.wfile.write(head.encode())
            for piece in pieces:
                if piece is None:
                    self.close_connection = True
                    return
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *words):
            pass

    with listening(Handler, kept.gate) as url:
        yield kept, url
