"""The control socket: how the command line reaches a running service (HOME/control.sock, mode 0600).

One JSON line asks, one JSON line answers: {"command", "arguments"} → {"result"} or {"error": {...}}.
Only processes of the same user are heard (SO_PEERCRED).
"""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from headworks.admin.person import ROOT, Person, login_uid_of, user_name
from headworks.errors import BadControl, FieldError, HeadworksError

MOST_BYTES = 2**20
READ_TIMEOUT_S = 10.0
CLIENT_TIMEOUT_S = 330.0
THROUGH = "control socket"
"""How a command came, as the record says it."""

Command = Callable[[Mapping[str, Any], Person], Awaitable[object]]


def _unheard(error: Exception) -> None:
    """Nobody listens to failures without a name."""


class ControlServer:
    """Answers commands on the control socket; commands run one at a time on each connection."""

    def __init__(
        self,
        path: str,
        commands: Mapping[str, Command],
        own_uid: int,
        failed: Callable[[Exception], None] = _unheard,
    ) -> None:
        self._failed = failed
        self._path = path
        self._commands = commands
        self._users = {uid: user_name(uid) for uid in (own_uid, ROOT)}
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Bind the socket, in place of one that a killed owner left."""
        Path(self._path).unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=MOST_BYTES, backlog=16)
        finally:
            os.umask(mask)

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        Path(self._path).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pid, uid = _peer(writer.get_extra_info("socket"))
            user = self._users.get(uid)
            if user is None:
                return
            person = Person(uid, user, THROUGH, login_uid_of(pid))
            async with asyncio.timeout(READ_TIMEOUT_S):
                line = await reader.readline()
            writer.write(msgspec.json.encode(await self._answer(line, person)) + b"\n")
            await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            pass  # nobody there who keeps to the protocol
        finally:
            writer.close()

    async def _answer(self, line: bytes, person: Person) -> dict[str, object]:
        try:
            asked = msgspec.json.decode(line)
            command = self._commands[asked["command"]]
            arguments = asked.get("arguments", {})
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return {
                "error": _told(BadControl("The running service does not know this command; is it another version?"))
            }
        try:
            return {"result": await command(arguments, person)}
        except HeadworksError as error:
            return {"error": _told(error)}
        except Exception as error:  # the boundary of the socket: what has no name is for the log
            self._failed(error)
            return {"error": _told(BadControl("The command failed; the service's log says why."))}


def ask_owner(path: str, command: str, arguments: Mapping[str, Any]) -> Any:
    """The result of a command that the running owner of a home carries out.

    Raises: BadControl, with the owner's own words when it refused.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CLIENT_TIMEOUT_S)
        try:
            connection.connect(path)
            connection.sendall(msgspec.json.encode({"command": command, "arguments": arguments}) + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
        except OSError as error:
            text = f"The running service does not answer on its control socket ({error.strerror or error})."
            raise BadControl(text) from error
    if not line:
        raise BadControl("The running service refused this user, or ended.")
    answer = msgspec.json.decode(line)
    if told := answer.get("error"):
        errors = tuple(FieldError(**error) for error in told["errors"])
        raise BadControl(told["detail"], errors=errors, reason=told["code"])
    return answer["result"]


def _told(error: HeadworksError) -> dict[str, object]:
    return {"code": error.code, "detail": error.detail, "errors": [msgspec.structs.asdict(e) for e in error.errors]}


def _peer(connection: socket.socket) -> tuple[int, int]:
    """The process and the user at the other end."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(pid), int(uid)
