"""A worker with a small model that does what its input says; run as a program by the tests of the pool."""

import asyncio
import json
import os
import signal
import sys
import threading
import time

from headworks.errors import FieldError, SchemaViolation
from headworks.targets.models import worker
from headworks.targets.models.runner import Announcement, RowFailed


def _act(row):
    do = row.get("do", "echo")
    if do == "raise":
        raise ValueError("secret text of the caller")
    if do == "exit":
        os._exit(3)
    if do == "leave":
        sys.exit(4)
    if do == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if do == "hang":
        time.sleep(60)
    if do == "sleep":
        time.sleep(row["s"])
    if do == "print":
        print(row["text"])
    if do == "grow":
        KEPT.append(bytearray(row["bytes"]))
    if do == "breach":
        return RowFailed("contract_violation", (FieldError("/x", "is required"),), "no x")
    if do == "bulk":
        return b'"' + b"x" * row["bytes"] + b'"'
    return json.dumps({"nonce": row.get("nonce"), "pid": os.getpid(), "size": row.get("size", 0)}).encode()


KEPT = []
EIGHT = threading.Barrier(8)


class StandIn:
    """Implements Runner; `parameters` of its source say what it announces and how it fails to load."""

    def __init__(self, source):
        facts = source.parameters
        if "fail" in facts:
            raise RuntimeError(facts["fail"])
        if "die" in facts:
            os._exit(9)
        if "flag" in facts and os.path.exists(facts["flag"]):
            raise RuntimeError("the flag file is there")
        time.sleep(facts.get("load_s", 0))
        self.most = facts.get("most", 10**9)
        self.announcement = Announcement(
            request={"type": "object"},
            reply=facts.get("reply", {"type": "object"}),
            is_batch=facts.get("is_batch", True),
            is_stream=facts.get("is_stream", False),
            is_async=facts.get("is_async", False),
            examples=(),
            model_version=facts.get("version", "1"),
            is_http=facts.get("is_http", False),
        )

    def warm_up(self):
        """Nothing to warm."""

    async def warm_up_async(self):
        """Nothing to warm."""

    def decode(self, payload):
        document = json.loads(payload.document)
        rows = document if payload.is_array else [document]
        for position, row in enumerate(rows):
            if row.get("do") == "invalid":
                prefix = f"/{position}" if payload.is_array else ""
                raise SchemaViolation(errors=(FieldError(prefix + "/do", "must be a known word"),))
            for _, blob in payload.blobs:
                row["size"] = len(blob)
        return rows

    def decode_all(self, documents):
        rows = [json.loads(document) for document in documents]
        return None if any(row.get("do") == "invalid" for row in rows) else rows

    def predict(self, rows, contexts=()):
        if len(rows) > self.most:
            raise ValueError("too many rows")
        if any(row.get("do") == "short" for row in rows):
            return []
        return [_act(row) for row in rows]

    async def predict_async(self, rows, contexts=()):
        for row in rows:
            if row.get("do") == "wait":
                await asyncio.sleep(row["s"])
        return [_act(row) for row in rows]

    def stream(self, row, context=None):
        for number in range(row["events"]):
            if number == row.get("raise_at"):
                raise ValueError("secret text")
            _act(row)
            yield json.dumps({"nonce": row.get("nonce"), "event": number}).encode()

    async def stream_async(self, row, context=None):
        for event in self.stream(row):
            await asyncio.sleep(0)
            yield event

    def handle(self, payload):
        head = {"status": 418, "headers": [["Content-Type", "text/plain"], ["X-Tea", "yes"]]}
        request = json.loads(payload.document)
        if request.get("path") == "/together":
            EIGHT.wait(30)
        return json.dumps(head).encode(), b"short and stout " + payload.blobs[0][1]

    def close(self):
        """Nothing to shut down."""


if __name__ == "__main__":
    worker.main(StandIn)
