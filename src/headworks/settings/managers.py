"""Values that a secret manager keeps: `secret:MANAGER/NAME`, for managers that an installed package offers.

A package offers one by an entry point of the group `headworks.secrets`: a callable that takes NAME and gives the text. It is
called while the configuration is read, at the start and at each reload, never in between.
"""

import threading
from collections.abc import Callable
from importlib import import_module

GROUP = "headworks.secrets"
PREFIX = "secret:"
LONGEST_S = 10.0
LARGEST_CHARACTERS = 64 * 2**10

Read = Callable[[str], str]


def read_secret(words: str) -> str:
    """The text that stands in place of `secret:MANAGER/NAME`, without blanks around it.

    Raises: LookupError saying what is wrong: no such manager, or it failed, gave no text or did not answer in time. What the
    manager says of a failure is left out but for its type: it may hold the secret.
    """
    manager, slash, name = words.removeprefix(PREFIX).partition("/")
    if not (manager and slash and name):
        raise LookupError(f"must read {PREFIX}MANAGER/NAME")
    return answer_of(_manager(manager), manager, name, LONGEST_S)


def answer_of(read: Read, manager: str, name: str, longest_s: float) -> str:
    """What a manager gives, asked on a thread of its own, which is left behind where it hangs.

    Raises: LookupError as `read_secret`.
    """
    given: list[object] = []
    failed: list[str] = []

    def ask() -> None:
        try:
            given.append(read(name))
        except Exception as error:  # whatever another's package fails with
            failed.append(type(error).__name__)

    asking = threading.Thread(target=ask, name=f"secret-{manager}", daemon=True)
    asking.start()
    asking.join(longest_s)
    if failed:
        raise LookupError(f"asks the secret manager {manager}, which failed: {failed[0]}")
    if not given:
        raise LookupError(f"asks the secret manager {manager}, which gave no answer")
    answer = given[0]
    if not isinstance(answer, str) or len(answer) > LARGEST_CHARACTERS:
        raise LookupError(
            f"asks the secret manager {manager}, which gave no text of at most {LARGEST_CHARACTERS} characters"
        )
    return answer.strip()


def _manager(name: str) -> Read:
    entry_points = import_module("importlib.metadata").entry_points  # takes 2 MB, which only this needs
    for entry in entry_points(group=GROUP, name=name):
        registered: Read = entry.load()
        return registered
    known = ", ".join(sorted(entry.name for entry in entry_points(group=GROUP))) or "none"
    raise LookupError(f"asks for the secret manager {name!r}; those installed: {known}")
