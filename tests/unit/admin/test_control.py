"""The control socket."""

import asyncio
import os
import socket

import pytest

from headworks.admin.control import ControlServer, ask_owner
from headworks.errors import BadControl, NotFound


async def double(arguments, person):
    return {"twice": arguments["n"] * 2}


async def break_(arguments, person):
    raise RuntimeError("secret")


async def refuse(arguments, person):
    raise NotFound("No key has this id.")


def asked(path, *call, own_uid=None):
    """What a client gets for one call to a server at `path`."""

    async def both():
        server = ControlServer(
            path, {"double": double, "refuse": refuse, "break": break_}, os.getuid() if own_uid is None else own_uid
        )
        await server.open()
        try:
            return await asyncio.to_thread(ask_owner, path, *call)
        finally:
            await server.close()

    return asyncio.run(both())


def test_a_command_is_answered(tmp_path):
    assert asked(str(tmp_path / "c"), "double", {"n": 21}) == {"twice": 42}


def test_a_refusal_arrives_in_the_owners_words(tmp_path):
    with pytest.raises(BadControl, match="No key has this id"):
        asked(str(tmp_path / "c"), "refuse", {})


def test_a_failure_without_a_name_is_for_the_log_only(tmp_path):
    with pytest.raises(BadControl, match="log says why") as caught:
        asked(str(tmp_path / "c"), "break", {})

    assert "secret" not in caught.value.detail


def test_an_unknown_command_is_refused(tmp_path):
    with pytest.raises(BadControl, match="another version"):
        asked(str(tmp_path / "c"), "fly", {})


def test_the_socket_is_for_its_owner_only_and_leaves_no_trace(tmp_path):
    path = tmp_path / "c"

    async def look():
        server = ControlServer(str(path), {}, os.getuid())
        await server.open()
        mode = path.stat().st_mode & 0o777
        await server.close()
        return mode

    assert asyncio.run(look()) == 0o600
    assert not path.exists()


def test_a_socket_that_a_killed_owner_left_is_replaced(tmp_path):
    path = str(tmp_path / "c")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()

    assert asked(path, "double", {"n": 1}) == {"twice": 2}


def test_nobody_listening_is_said(tmp_path):
    with pytest.raises(BadControl, match="does not answer"):
        ask_owner(str(tmp_path / "none"), "double", {})


def test_garbage_is_answered_with_a_refusal(tmp_path):
    path = str(tmp_path / "c")

    async def both():
        server = ControlServer(path, {}, os.getuid())
        await server.open()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"\x00\xff\n")
        line = await reader.readline()
        writer.close()
        await server.close()
        return line

    assert b"control_refused" in asyncio.run(both())
