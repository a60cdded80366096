"""Chats to ask providers, one for each thing that can be said."""

import msgspec

from headworks.contract.schema import Schema
from headworks.contract.tasks import schemas
from headworks.targets.providers.wire import Ask

PIXEL = "iVBORw0KGgo="
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Now.", "parameters": {"type": "object", "properties": {}}},
}
USER = {"role": "user", "content": "Hi."}
CALLED = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"at":"Oslo"}'}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "required": ["a"]}}}


def ask(*messages, is_stream=False, output_cap=None, **more):
    """A chat that the task's schema accepts."""
    document = {"messages": list(messages) or [USER], **more}
    assert Schema(schemas("chat")[0]).errors(document) == ()
    return Ask(msgspec.json.encode(document), is_stream=is_stream, output_cap=output_cap)


def picture(data=PIXEL):
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


def sent(operation, asked):
    """The request's body as a document."""
    return msgspec.json.decode(operation.request(asked).body)
