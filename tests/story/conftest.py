"""One real service for all tests of the story that do not harm it."""

import pytest

from tests.running import mounted, service, write_config

CONFIG = """
models:
  sum: {python: "kinds:Sum"}
  echo: {python: "kinds:Echo"}
  poison: {python: "kinds:Poison"}
  spare: {python: "kinds:Echo"}
  liar: {python: "kinds:Liar"}
  count: {python: "kinds:Count"}
  later: {python: "kinds:Later"}
  ticks: {python: "kinds:Ticks"}
  shout: {python: "kinds:shout"}
endpoints:
  sum:
    v1: {targets: [sum], deprecated: 2026-01-01, sunset: 2099-01-01}
    v2: {targets: [sum], default: true}
    v3: {targets: [sum], sunset: 2026-01-01}
  limited: {v1: {targets: [sum], rate: 2/h}}
  single: {v1: {targets: [later], concurrency: 1}}
  echo: {v1: {targets: [echo]}}
  poison: {v1: {targets: [poison]}}
  rescued: {v1: {targets: [poison, spare], timeout: 2s}}
  split: {v1: {targets: [{target: echo, weight: 50}, {target: spare, weight: 50}]}}
  liar: {v1: {targets: [liar]}}
  count: {v1: {targets: [count]}}
  later: {v1: {targets: [later]}}
  ticks: {v1: {targets: [ticks]}}
  hashed: {v1: {targets: [count], record: digest}}
  unkept: {v1: {targets: [count], record: none, reason: "a test"}}
  shout: {v1: {targets: [shout]}}
  private: {v1: {targets: [echo], record: digest}}
  untold: {v1: {targets: [echo], record: none, reason: "a test"}}
  small: {v1: {targets: [echo], max_body: 1KiB}}
cors: {origins: ["http://localhost:8080"]}
"""


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with service(write_config(folder, CONFIG), folder / "home") as running:
        yield running


@pytest.fixture(scope="session", params=["headworks serve", "uvicorn", "granian"])
def called(request, tmp_path_factory):
    """The same service through our own edge and as an ASGI application under two servers."""
    if request.param == "headworks serve":
        yield request.getfixturevalue("served")
        return
    folder = tmp_path_factory.mktemp(request.param)
    write_config(folder, CONFIG)
    with mounted(folder, request.param) as running:
        yield running


CHATS = """
models:
  parrot: {python: "chatting:Parrot"}
  whole: {python: "chatting:Whole"}
  letters: {python: "chatting:Letters"}
  mirror: {python: "chatting:Mirror"}
endpoints:
  chat:
    v1: {task: chat, targets: [parrot]}
    v2: {task: chat, targets: [whole], default: true}
  only: {v3: {task: chat, targets: [parrot]}}
  several:
    v1: {task: chat, targets: [whole]}
    v2: {task: chat, targets: [whole]}
  letters: {v1: {task: embeddings, targets: [letters]}}
  mirror: {v1: {targets: [mirror]}}
  scarce: {v1: {task: chat, targets: [whole], rate: 1/h}}
  rare: {v1: {task: chat, targets: [whole], rate: 1/h}}
  brisk: {v1: {task: chat, targets: [whole], rate: 2/s}}
  ended: {v1: {task: chat, targets: [whole], sunset: 2026-01-01}}
"""


@pytest.fixture(scope="session")
def chats(tmp_path_factory):
    """Chats and embeddings of our own, to be called with vendors' clients."""
    folder = tmp_path_factory.mktemp("chats")
    with service(write_config(folder, CHATS, ("chatting.py",)), folder / "home") as running:
        yield running
