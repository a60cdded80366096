"""What is known of Bedrock's Converse: why answers end, formats, what it has no word for. Data only.

Source: service model bedrock-runtime 2023-09-30.
"""

from __future__ import annotations

from collections.abc import Mapping

FINISHES: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""Why an answer ended, in the task's words; any other word is an end by the model's own choice: `stop`."""
MALFORMED = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Ends that leave an answer nobody can use."""

IMAGE_FORMATS: Mapping[str, str] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
DOCUMENT_FORMATS: Mapping[str, str] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
AUDIO_FORMATS: Mapping[str, str] = {
    f"audio/{form}": form for form in ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "m4a", "mpeg", "pcm", "webm")
}

UNSAYABLE = ("n", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty")
"""Fields of a chat that Converse has no word for; `seed` is a wish and left out, so is `reasoning_effort` but for Anthropic's models."""
MOST_TEMPERATURE = 1.0
CHOICES: Mapping[str, str] = {"auto": "auto", "required": "any"}

PROFILES = ("apac.", "au.", "ca.", "eu.", "global.", "jp.", "us-gov.", "us.")
"""What stands before a model's id in the id of an inference profile; CountTokens takes models alone.

Source: Bedrock user guide, "Supported Regions and models for inference profiles"; service model, FoundationModelVersionIdentifier.
"""
COUNTED = frozenset({"messages", "system", "toolConfig"})
"""The fields of a request that CountTokens takes."""
