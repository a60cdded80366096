"""Files in OpenAI's dialect: sent as a form, fetched as bytes.

Source: OpenAI API, `/v1/files`.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import Any

import msgspec
from msgspec import Struct

from headworks.targets.providers.keeping import Kept
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.form import form_request
from headworks.targets.providers.openai.keeping import Acts, Asked, OpenAiKeeping, needed
from headworks.targets.providers.wire import Ask, HttpRequest

UNNAMED = "file"
ACTS: Acts = {"retrieve": ("GET", ""), "content": ("GET", "/content"), "delete": ("DELETE", "")}
FILES = Kept(
    "file",
    reads=frozenset({"retrieve", "content"}),
    passes=frozenset({"content"}),
    can_be_deleted=True,
    is_free=True,
)


class _Sent(Struct, frozen=True):
    action: str = ""
    file: str | None = None
    filename: str = UNNAMED
    purpose: str | None = None
    expires_after: dict[str, Any] | None = None


_sent = msgspec.json.Decoder(_Sent).decode


class OpenAiFiles(OpenAiKeeping, frozen=True, kw_only=True):
    """Files of one account."""

    def creation(self, ask: Ask, asked: Asked) -> HttpRequest:
        """The file in a form, its bytes as they came.

        Raises: SchemaViolation (422).
        """
        sent = _sent(ask.document)
        content = next((data for name, data in ask.blobs if name == "file"), None)
        if content is None:
            content = a2b_base64(needed(sent.file, "file"))
        fields = {"purpose": needed(sent.purpose, "purpose")}
        fields |= {f"expires_after[{name}]": str(value) for name, value in (sent.expires_after or {}).items()}
        return form_request(self.place + self.server.query, fields, sent.filename or UNNAMED, content)


def files(server: Server) -> OpenAiFiles:
    """The files that a server keeps."""
    return OpenAiFiles(task="files", model="files", server=server, path="/files", kept=FILES, acts=ACTS)
