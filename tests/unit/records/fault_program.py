"""A process that uses a home, for the tests that kill it or fill its disk. Run as: python fault_program.py WHAT HOME [STEP]."""

import os
import queue
import random
import resource
import signal
import sys
import time
from pathlib import Path

from msgspec import structs

from headworks.costs import Reservation, Settlement
from headworks.errors import RecordUnavailable
from headworks.pending import driven
from headworks.recording import Entry, IdempotencySlot
from headworks.records.ledger import Ledger
from headworks.records.rekey import rekey
from headworks.records.settings import RecordSettings
from headworks.stores.work import Scheduling
from headworks.units import RequestIds, SystemClock

CLOCK = SystemClock()
IDS = RequestIds(CLOCK)
MAIL = queue.SimpleQueue()
ACCOUNT = ("all", "2026-11")


def start(home: str) -> Ledger:
    """A ledger that promises what it can; a loop's next round, and what is later, are the next wait."""
    scheduling = Scheduling(MAIL.put, lambda _, callback: MAIL.put(callback))
    return Ledger.start(RecordSettings(home=Path(home), inline_bytes=2000), CLOCK, MAIL.put, scheduling=scheduling)


def entry(size: int = 300) -> Entry:
    return Entry(
        IDS(), CLOCK.wall_ns(), "/api/a/v1", caller_id="k", endpoint="a", version=1, input=(b"i",), output=b"x" * size
    )


def wait(pending):
    while not pending.is_done:
        MAIL.get(timeout=20)()
    return pending.result()


def commit_for_ever(home: str) -> None:
    """Acknowledge each record on standard output after its commit; mixed sizes, some streams."""
    ledger = start(home)
    number = 0
    while True:
        under_way = []
        for _ in range(16):
            number += 1
            made = entry(3000 if number % 50 == 0 else 300)
            under_way.append((made, ledger.commit(made)))
        stream = entry()
        opened = wait(ledger.open(stream))
        for made, pending in under_way:
            wait(pending)
            os.write(1, f"{made.request_id}\n".encode())
        os.write(1, f"{stream.request_id}\n".encode())
        wait(ledger.close(opened, stream))


def mix_for_ever(home: str, seed: str) -> None:
    """Calls, streams with money, persons erased, keys for idempotency, in any order; each line says what was acknowledged."""
    chance = random.Random(seed)
    ledger = start(home)
    tell("started", sum(ledger.spent().values()))
    under_way = []
    while True:
        under_way.append(driven(mixed(ledger, chance, chance.randrange(8))))
        while len(under_way) >= chance.randrange(1, 64):
            MAIL.get(timeout=20)()
            for each in under_way:
                if each.is_done:
                    each.result()
            under_way = [each for each in under_way if not each.is_done]


async def mixed(ledger: Ledger, chance: random.Random, which: int) -> None:
    """One of many things that are under way at once."""
    person = f"p{chance.randrange(4)}"
    if which == 0:
        await erased(ledger, person)
    elif which < 4:
        await called(ledger, chance, person)
    else:
        await streamed(ledger, chance)


async def called(ledger: Ledger, chance: random.Random, person: str) -> None:
    """A call, perhaps about a person, perhaps large, perhaps with a key."""
    size = chance.choice((10, 300, 3000, 70_000))
    made = entry(size)
    made.input, made.subject = (made.request_id.encode(),), chance.choice((None, person))
    made.output_bytes = size
    if chance.random() < 0.2:
        made.idempotency = IdempotencySlot(os.urandom(32), bytes(32))
        await ledger.claim(made.idempotency)
    await ledger.commit(made)
    tell("call", made.request_id, made.subject or "-")


async def streamed(ledger: Ledger, chance: random.Random) -> None:
    """A stream that holds money, perhaps twice, and settles some of it."""
    stream = entry(chance.choice((10, 70_000)))
    first, second = Reservation(1, 70, (ACCOUNT,), None, "up/m"), Reservation(2, 30, (ACCOUNT,), None, "up/m")
    stream.target, stream.reservation = "up/m", first
    opened = await ledger.open(stream)
    tell("opened", stream.request_id)
    settled = [Settlement(first, 50)]
    if chance.random() < 0.5:
        await ledger.reserve(opened, second)
        tell("reserved", stream.request_id)
        settled.append(Settlement(second, chance.choice((None, 7))))
    ended = structs.replace(stream, reservation=None, settled=tuple(settled), cost_micros=1)
    ended.cost_micros = sum(each.reservation.micros if each.micros is None else each.micros for each in settled)
    await ledger.close(opened, ended)
    tell("closed", stream.request_id)


async def erased(ledger: Ledger, person: str) -> None:
    """What was told of the person before the question is unreadable after the answer."""
    tell("erasing", person)
    await ledger.erase(person, "somebody")
    tell("erased", person)


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def fill_and_recover(home: str) -> None:
    """Meet the file-size bound, be refused quickly, then go on once there is room again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ledger = start(home)
    acknowledged = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    refused = 0
    while not refused:
        made = entry(1500)
        try:
            wait(ledger.commit(made))
            acknowledged.append(made.request_id)
        except RecordUnavailable as error:
            refused += error.retry_after_s is not None
    for _ in range(100):
        try:
            wait(ledger.commit(entry(1500)))
        except RecordUnavailable:
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        made = entry()
        try:
            wait(ledger.commit(made))
        except RecordUnavailable:
            time.sleep(0.01)
            continue
        acknowledged.append(made.request_id)
        break
    available = ledger.is_available
    ledger.stop()
    print(f"refused {refused} available {available}")
    print("\n".join(acknowledged))


def rekey_until(home: str, count: str) -> None:
    """Change the key-encryption key, and be killed when so many steps were done."""
    left = iter(range(int(count)))

    def passed(step: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    rekey(RecordSettings(home=Path(home)), passed)


if __name__ == "__main__":
    {"commit": commit_for_ever, "fill": fill_and_recover, "rekey": rekey_until, "mix": mix_for_ever}[sys.argv[1]](
        *sys.argv[2:]
    )
