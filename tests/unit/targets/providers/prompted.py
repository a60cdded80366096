"""Chat models of every kind that has them, each with what its service sends around what the model wrote."""

import json

from headworks.secret import Secret
from headworks.targets.providers.anthropic.facts import ANSWER_TOOL
from headworks.targets.providers.kinds import bound
from headworks.targets.providers.wire import HttpResponse, ProviderSettings

KEYS = (Secret("sk-canary"),)
CHATS = {
    "openai": "up/m",
    "azure": "up/m",
    "anthropic": "up/m",
    "gemini": "up/m",
    "cohere": "up/m",
    "huggingface": "up/prompt:org/m",
    "aws": "up/bedrock:m",
    "aws-invoke": "up/bedrock-invoke:anthropic.m",
    "google": "up/vertex:m",
    "google-anthropic": "up/vertex-anthropic:m",
    "google-open": "up/vertex-open:org/m",
}
"""By kind, and by service where a kind has several: the target."""
_OPTIONS = {"aws": {"region": "eu-west-1"}, "google": {"project": "team-1"}}
_ADDRESSES = {"azure": "https://res.openai.azure.com"}


def prompted(way, task, wording=None, target=None):
    """The operation that serves a task by a prompt of this kind's chat."""
    kind = way.partition("-")[0]
    settings = ProviderSettings("up", kind, _ADDRESSES.get(kind), _keys(kind), _OPTIONS.get(kind, {}))
    return bound({"up": settings}, target or _by_prompt(CHATS[way]), task, wording).operation


def _by_prompt(target):
    """Said outright: kinds of OpenAI's dialect moderate by an operation of their own unless told so."""
    return target if "prompt:" in target else target.replace("up/", "up/prompt:")


def _keys(kind):
    return {"aws": (Secret("id:key"),), "google": ()}.get(kind, KEYS)


def answered(way, written, finish="stop"):
    """The service's own answer around what the model wrote."""
    return HttpResponse(200, {"content-type": "application/json"}, json.dumps(_AROUND[way](written, finish)).encode())


def openai(written, finish):
    message = {"role": "assistant", "content": written}
    spent = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [choice], "usage": spent}


def anthropic(written, finish):
    """Where JSON was asked for, the model calls the tool that takes the answer."""
    try:
        block = {"type": "tool_use", "id": "t", "name": ANSWER_TOOL, "input": json.loads(written)}
    except ValueError:
        block = {"type": "text", "text": written}
    stop = {"stop": "end_turn", "length": "max_tokens"}[finish]
    usage = {"input_tokens": 5, "output_tokens": 3}
    return {"type": "message", "id": "c", "model": "m-1", "content": [block], "stop_reason": stop, "usage": usage}


def gemini(written, finish):
    part = {"content": {"role": "model", "parts": [{"text": written}]}, "index": 0}
    stop = {"stop": "STOP", "length": "MAX_TOKENS"}[finish]
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}
    return {"candidates": [{**part, "finishReason": stop}], "usageMetadata": usage, "modelVersion": "m-1"}


def cohere(written, finish):
    message = {"role": "assistant", "content": [{"type": "text", "text": written}]}
    stop = {"stop": "COMPLETE", "length": "MAX_TOKENS"}[finish]
    return {
        "id": "c",
        "message": message,
        "finish_reason": stop,
        "usage": {"tokens": {"input_tokens": 5, "output_tokens": 3}},
    }


def converse(written, finish):
    message = {"role": "assistant", "content": [{"text": written}]}
    stop = {"stop": "end_turn", "length": "max_tokens"}[finish]
    usage = {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}
    return {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 1}}


_AROUND = {
    "openai": openai,
    "azure": openai,
    "anthropic": anthropic,
    "gemini": gemini,
    "cohere": cohere,
    "huggingface": openai,
    "aws": converse,
    "aws-invoke": anthropic,
    "google": gemini,
    "google-anthropic": anthropic,
    "google-open": openai,
}
