"""Events of the task `chat`, and streams of a dialect read back."""

import json

REQUEST_ID = "01m8eme6bg40fg7pt7qe6dvm01"
HEAD = {"id": "up-1", "object": "chat.completion.chunk", "created": 7, "model": "vendor-model"}


def chunk(finish=None, usage=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({**HEAD, "choices": [choice], **({} if usage is None else {"usage": usage})}).encode()


def bare(**fields):
    return json.dumps({**HEAD, "choices": [], **fields}).encode()


def calls(index, ref=None, name=None, arguments=None):
    part = {"index": index, "function": {"name": name, "arguments": arguments}}
    return chunk(tool_calls=[part if ref is None else {**part, "id": ref}])


def datas(stream):
    """The JSON of each event; `[DONE]` as it is."""
    lines = [line[6:] for line in stream.decode().split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def written(writer, *events, usage=None):
    return datas(b"".join(map(writer.event, events)) + writer.end(usage))
