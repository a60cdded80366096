"""Who gives a command on the machine: as the kernel knows it, not as anybody says."""

import os
import pwd
from pathlib import Path

from msgspec import Struct

NO_LOGIN = 2**32 - 1
"""The login uid of a process that nobody's log-in began."""
ROOT = 0


class Person(Struct, frozen=True, omit_defaults=True):
    """The user that a command's process runs as, and, where the kernel keeps it, the one who had logged in before sudo or su."""

    uid: int
    user: str
    through: str
    login_uid: int | None = None

    def __str__(self) -> str:
        """As the record names who did something: `uid:1000:ann`, and `:login:1001` where that is another."""
        login = "" if self.login_uid in {None, self.uid} else f":login:{self.login_uid}"
        return f"uid:{self.uid}:{self.user}{login}"


def user_name(uid: int) -> str:
    """The name of a user on this machine; empty where it has none.

    Cost: may ask a directory server, so once at a start and not for each command.
    """
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def myself(through: str) -> Person:
    """Who this process runs as."""
    uid = os.geteuid()
    return Person(uid, user_name(uid), through, login_uid_of("self"))


def login_uid_of(process: int | str) -> int | None:
    """Who had logged in, of a process that is still there; None where the kernel does not say."""
    try:
        text = Path(f"/proc/{process}/loginuid").read_text(encoding="ascii")
    except OSError:
        return None
    uid = int(text) if text.isdecimal() else NO_LOGIN
    return None if uid == NO_LOGIN else uid
