"""The writer's thread with a desk of our own; no file but a database in memory."""

import queue
import threading

import apsw
import pytest

from headworks.errors import Internal, Overloaded, RecordUnavailable
from headworks.pending import Pending
from headworks.stores.work import Item, Job, Scheduling
from headworks.stores.writer import Bounds, Writer


class Clock:
    def __init__(self):
        self.now_ns = 0

    def monotonic_ns(self):
        return self.now_ns

    def wall_ns(self):
        return self.now_ns


class RecordingDesk:
    """Notes what it is asked, and fails where it is told to."""

    def __init__(self):
        self.batches = []
        self.calls = []
        self.raise_in = {}
        self._items = []

    def _note(self, name):
        self.calls.append(name)
        error = self.raise_in.get(name)
        if error is not None:
            raise error

    def load(self, files):
        self._note("load")

    def prepare(self, items):
        self._items = list(items)
        self._note("prepare")

    def write(self, connection):
        self._note("write")

    def committed(self):
        self._note("committed")
        self.batches.append(len(self._items))
        return [(item.pending, "kept", None) for item in self._items]

    def forget(self):
        self._note("forget")

    def rest(self, connection):
        self._note("rest")
        return False

    def leave(self, connection):
        self._note("leave")


class Setup:
    def __init__(self, bounds):
        self.clock = Clock()
        self.mail = queue.SimpleQueue()
        self.desk = RecordingDesk()
        self.opened = []
        self.writer = Writer(self._connect, self.mail.put, self.clock, bounds)

    def _connect(self, file):
        self.opened.append(file)
        return apsw.Connection(":memory:")

    def put(self, size_bytes=0):
        pending = Pending()
        self.writer.submit(Item(pending, size_bytes))
        return pending

    def wait(self, pending):
        while not pending.is_done:
            self.mail.get(timeout=20)()
        return pending.result()

    def block(self):
        """Hold the writer inside a job until the given event is set; returns once it is held."""
        release, held = threading.Event(), threading.Event()

        def hold(_):
            held.set()
            release.wait(20)

        self.writer.submit(Job(Pending(), hold, "records"))
        held.wait(20)
        return release


def _never(_s, _callback):
    """Nothing is left idle here."""


@pytest.fixture
def make():
    made = []

    def start(**bounds):
        setup = Setup(Bounds(**bounds))
        setup.writer.start(setup.desk)
        made.append(setup)
        return setup

    yield start
    for setup in made:
        setup.writer.stop()


def test_what_queued_up_meanwhile_is_one_batch_handed_back_by_one_call(make):
    setup = make()
    release = setup.block()
    pendings = [setup.put() for _ in range(10)]
    release.set()

    setup.mail.get(timeout=20)()  # the job that blocked
    setup.mail.get(timeout=20)()

    assert [pending.result() for pending in pendings] == ["kept"] * 10
    assert setup.desk.batches[-1] == 10


def test_a_batch_is_bounded_by_number_and_by_bytes(make):
    setup = make(batch_items=4, batch_bytes=100)
    release = setup.block()
    pendings = [setup.put(size_bytes=0) for _ in range(10)] + [setup.put(size_bytes=60) for _ in range(4)]
    release.set()
    for pending in pendings:
        setup.wait(pending)

    sizes = [size for size in setup.desk.batches if size]
    assert sizes == [4, 4, 4, 2]


@pytest.mark.parametrize("bounds", [{"queued_items": 6}, {"queued_bytes": 500}])
def test_a_full_queue_refuses_at_once_and_takes_more_when_it_is_empty(make, bounds):
    setup = make(**bounds)
    release = setup.block()
    pendings = [setup.put(size_bytes=110) for _ in range(8)]
    refused = [pending for pending in pendings if pending.is_done]
    release.set()

    assert len(refused) == 3
    with pytest.raises(Overloaded) as caught:
        refused[0].result()
    assert caught.value.retry_after_s == 1.0
    assert [setup.wait(pending) for pending in pendings if pending not in refused] == ["kept"] * 5
    assert setup.wait(setup.put(size_bytes=110)) == "kept"


@pytest.mark.parametrize("step", ["prepare", "write", "committed"])
def test_a_defect_fails_its_batch_and_not_the_thread(make, step):
    setup = make()
    setup.desk.raise_in[step] = KeyError("defect")
    with pytest.raises(Internal):
        setup.wait(setup.put())
    setup.desk.raise_in.clear()

    assert "forget" in setup.desk.calls
    assert setup.wait(setup.put()) == "kept"


def test_a_known_refusal_reaches_the_whole_batch_as_it_is(make):
    setup = make()
    setup.desk.raise_in["prepare"] = RecordUnavailable("keys are away")

    with pytest.raises(RecordUnavailable, match="keys are away"):
        setup.wait(setup.put())
    assert setup.writer.is_available


def test_a_failing_store_refuses_at_once_until_a_probe_succeeds(make):
    setup = make()
    setup.desk.raise_in["write"] = apsw.FullError("disk full")
    with pytest.raises(RecordUnavailable) as caught:
        setup.wait(setup.put())
    refused = setup.put()

    assert "disk full" in caught.value.reason
    assert "disk full" not in caught.value.detail
    assert refused.is_done
    assert not setup.writer.is_available

    del setup.desk.raise_in["write"]
    setup.clock.now_ns += 10**9
    while not setup.writer.is_available:
        threading.Event().wait(0.001)

    assert setup.wait(setup.put()) == "kept"
    assert setup.desk.calls.count("load") == 2
    assert setup.opened == ["records", "keys", "records"] * 2  # the last one folds


def test_a_probe_that_fails_backs_off(make):
    setup = make()
    setup.desk.raise_in |= {"write": OSError("gone"), "load": OSError("still gone")}
    with pytest.raises(RecordUnavailable):
        setup.wait(setup.put())
    for _ in range(3):
        loads = setup.desk.calls.count("load")
        setup.clock.now_ns += 5 * 10**9
        while setup.desk.calls.count("load") == loads:
            threading.Event().wait(0.001)

    assert "still gone" in setup.writer.failure


def test_what_was_queued_before_the_stop_is_written_and_what_comes_after_is_refused(make):
    setup = make()
    release = setup.block()
    before = [setup.put() for _ in range(5)]
    threading.Thread(target=release.set).start()
    setup.writer.stop()
    after = setup.put()

    assert [setup.wait(pending) for pending in before] == ["kept"] * 5
    with pytest.raises(RecordUnavailable):
        after.result()
    assert setup.desk.calls[-1] == "leave"


def test_a_closed_loop_does_not_end_the_writer(make):
    setup = make()

    def closed(_):
        raise RuntimeError("Event loop is closed")

    setup.writer._post = closed
    setup.put()
    setup.writer.stop()

    assert setup.desk.batches[-1] == 1


def test_a_start_that_fails_leaves_nothing_open():
    setup = Setup(Bounds())
    setup.desk.raise_in["load"] = ValueError("altered")

    with pytest.raises(ValueError, match="altered"):
        setup.writer.start(setup.desk)
    assert not setup.writer.is_available
    assert setup.writer._files == {}


def test_what_is_submitted_in_one_round_of_the_loop_is_one_batch():
    setup, soon = Setup(Bounds()), []
    setup.writer = Writer(setup._connect, setup.mail.put, setup.clock, scheduling=Scheduling(soon.append, _never))
    setup.writer.start(setup.desk)
    pendings = [setup.put() for _ in range(10)]
    while soon:
        soon.pop()()
    for pending in pendings:
        setup.wait(pending)
    setup.writer.stop()

    assert setup.desk.batches == [10]


def test_what_was_submitted_just_before_the_end_is_written():
    setup = Setup(Bounds())
    setup.writer = Writer(setup._connect, setup.mail.put, setup.clock, scheduling=Scheduling([].append, _never))
    setup.writer.start(setup.desk)
    pending = setup.put()
    setup.writer.stop()

    assert setup.wait(pending) == "kept"


class Promised(Pending):
    """What becomes of an item that was promised."""

    def __init__(self):
        super().__init__()
        self.told = []

    def resolve(self, value):
        self.told.append(value)

    def fail(self, error):
        self.told.append(type(error))


class Once(dict):
    """Errors that are raised once each."""

    def get(self, name):
        return self.pop(name, None)


def promise(setup, *numbers):
    items = [Item(Promised()) for _ in numbers]
    for item, number in zip(items, numbers, strict=True):
        item.promise = number
    setup.writer.submit_promised(items)
    return [item.pending for item in items]


def test_what_was_promised_stays_while_the_store_fails_and_is_written_first_when_it_works_again(make):
    setup = make()
    setup.desk.raise_in["write"] = apsw.FullError("disk full")
    kept = promise(setup, 1, 2)
    with pytest.raises(RecordUnavailable):
        setup.wait(setup.put())
    during = promise(setup, 3)
    refused, told = setup.put().is_done, [list(each.told) for each in (*kept, *during)]
    has_recovered = setup.writer.has_recovered

    del setup.desk.raise_in["write"]
    setup.clock.now_ns += 10**9
    while not setup.writer.has_recovered:
        threading.Event().wait(0.001)
    setup.wait(setup.put())

    assert refused
    assert told == [[]] * 3
    assert not has_recovered
    assert [each.told for each in (*kept, *during)] == [["kept"]] * 3
    assert sum(setup.desk.batches) == 4


def test_a_store_that_only_a_probe_gets_through_has_not_recovered(make):
    setup = make()
    setup.desk.raise_in["write"] = apsw.FullError("disk full")
    with pytest.raises(RecordUnavailable):
        setup.wait(setup.put())
    setup.clock.now_ns += 10**9
    while not setup.writer.is_available:
        threading.Event().wait(0.001)

    assert not setup.writer.has_recovered


def test_keys_that_are_away_do_not_lose_what_was_promised(make):
    setup = make()
    setup.desk.raise_in["prepare"] = RecordUnavailable("keys are away")
    (promised,) = promise(setup, 1)
    with pytest.raises(RecordUnavailable):
        setup.wait(setup.put())
    told = list(promised.told)
    setup.desk.raise_in.clear()
    setup.clock.now_ns += 10**9
    while not setup.writer.has_recovered:
        threading.Event().wait(0.001)
    setup.wait(setup.put())

    assert told == []
    assert promised.told == ["kept"]


def test_a_defect_beside_promised_items_costs_each_no_more_than_its_own(make):
    setup = make()
    release = setup.block()
    setup.desk.raise_in = Once(prepare=KeyError("defect"))
    promised = promise(setup, 1, 2)
    other = setup.put()
    release.set()

    with pytest.raises(Internal):
        setup.wait(other)
    setup.wait(setup.put())
    assert [each.told for each in promised] == [["kept"]] * 2
