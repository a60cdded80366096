"""When what waits goes, and when more calls may join it first: the rule alone, then in a pool."""

from hypothesis import given
from hypothesis import strategies as st

from headworks.targets.models.batch import CostModel
from headworks.targets.models.company import LONG_ENOUGH_NS, NEAR_BATCHES, WORTH_NS, Company
from headworks.targets.models.settings import BatchSettings
from tests.unit.targets.models.fake_engine import Scene, documents
from tests.unit.targets.models.house import call, settings

MOST = 32
FAR_NS = 10**10
MICROSECOND_NS = 1000
MILLISECOND_NS = 10**6
DEAR_NS = 300 * MICROSECOND_NS
ROUNDS = st.lists(st.integers(0, 3), max_size=200)


def learned(row_ns, fixed_ns):
    cost = CostModel()
    for rows in (1, 32, 8, 16) * 30:
        cost.observe(rows, row_ns * rows + fixed_ns)
    return cost


def company(row_ns=MICROSECOND_NS, fixed_ns=DEAR_NS):
    return Company(learned(row_ns, fixed_ns), MOST)


def is_held(asked, rows, waited_ns=0, slack_ns=FAR_NS, *, is_busy=False):
    return asked.is_worth_waiting_for(rows, waited_ns, slack_ns, is_busy=is_busy)


@given(rows=st.integers(1, MOST), waited_ns=st.integers(0, FAR_NS), is_busy=st.booleans())
def test_a_cheap_batch_is_never_held(rows, waited_ns, is_busy):
    cheap, unknown = company(fixed_ns=WORTH_NS // 2), Company(CostModel(), MOST)

    assert not is_held(cheap, rows, waited_ns, is_busy=is_busy)
    assert not is_held(unknown, rows, waited_ns, is_busy=is_busy)


@given(rows=st.integers(MOST, 10 * MOST), is_busy=st.booleans(), before=st.integers(0, MOST))
def test_a_full_batch_is_never_held(rows, is_busy, before):
    asked = company()
    is_held(asked, before)

    assert not is_held(asked, rows, is_busy=is_busy)


@given(rows=st.integers(1, MOST - 1), waited_ns=st.integers(0, FAR_NS), slack_ns=st.integers(-FAR_NS, FAR_NS))
def test_behind_a_running_batch_nothing_goes_but_a_full_one(rows, waited_ns, slack_ns):
    assert is_held(company(), rows, waited_ns, slack_ns, is_busy=True)


@given(rows=st.integers(11, MOST), is_busy=st.booleans())
def test_rows_that_cost_as_much_as_their_batch_are_not_held(rows, is_busy):
    assert not is_held(company(row_ns=DEAR_NS // 10), rows, is_busy=is_busy)


@given(arriving=ROUNDS, round_ns=st.integers(1, 2 * MILLISECOND_NS), fixed_ns=st.integers(WORTH_NS, 10**7))
def test_an_idle_worker_is_held_back_by_arrivals_only_and_not_for_long(arriving, round_ns, fixed_ns):
    asked = company(fixed_ns=fixed_ns)
    rows = waited_ns = 0
    for come in [1, *arriving, 0]:
        rows += come
        if not is_held(asked, rows, waited_ns):
            break
        assert come > 0
        waited_ns += round_ns

    assert waited_ns - round_ns < max(asked._cost.fixed_ns, LONG_ENOUGH_NS)


@given(rows=st.integers(1, MOST - 1), part=st.floats(0, 1))
def test_a_call_with_a_near_deadline_is_not_held_for_an_idle_worker(rows, part):
    cost = learned(MICROSECOND_NS, DEAR_NS)
    slack_ns = int(part * NEAR_BATCHES * cost.of_ns(MOST))

    assert not is_held(Company(cost, MOST), rows, slack_ns=slack_ns)


@given(rows=st.integers(1, MOST - 1))
def test_what_went_is_no_measure_for_what_comes_next(rows):
    asked = company()
    assert [is_held(asked, rows), is_held(asked, rows)] == [True, False]

    assert is_held(asked, 1)


def n(number):
    return call({"n": number})


def dear(**fields):
    """A pool that has seen batches of several sizes cost nearly the same."""
    scene = Scene(settings(**fields))
    for rows in (1, 16, 4, 8) * 10:
        for number in range(rows):
            scene.start(n(number))
        scene.world.settle()
        for worker in scene.engine.living:
            if worker.batches:
                worker.answer(DEAR_NS + rows * MICROSECOND_NS)
    return scene


def test_calls_of_several_rounds_go_to_an_idle_worker_together():
    scene = dear()
    scene.start(n(0))
    scene.world.call_soon(lambda: scene.start(n(1)))
    scene.world.call_soon(lambda: scene.world.call_soon(lambda: scene.start(n(2))))

    scene.world.settle()

    assert documents(scene.worker) == [[{"n": 0}, {"n": 1}, {"n": 2}]]


def test_a_lone_call_waits_for_one_round_and_no_timer():
    scene = dear()
    before_ns = scene.world.now_ns
    scene.start(n(0))

    scene.world.settle()

    assert documents(scene.worker) == [[{"n": 0}]]
    assert scene.world.now_ns == before_ns


def test_behind_a_running_batch_calls_gather_until_it_is_answered():
    scene = dear()
    scene.start(n(0))
    scene.world.settle()
    for number in (1, 2, 3):
        scene.start(n(number))
        scene.world.advance(0.001)
    assert documents(scene.worker) == [[{"n": 0}]]

    scene.worker.answer()
    scene.world.settle()

    assert documents(scene.worker) == [[{"n": 1}, {"n": 2}, {"n": 3}]]


def test_behind_a_running_batch_a_full_one_is_sent_at_once():
    scene = dear(batch=BatchSettings(max_size=16))
    scene.start(n(0))
    scene.world.settle()
    for number in range(17):
        scene.start(n(number))
    scene.world.settle()

    assert [len(batch) for batch in documents(scene.worker)] == [1, 16]


def test_an_idle_worker_takes_what_a_busy_one_is_not_sent():
    scene = dear(replicas=2)
    for number in (1, 2, 3):
        scene.start(n(number))
        scene.world.settle()

    assert sorted(len(worker.batches) for worker in scene.engine.living) == [1, 1]
    assert scene.pool.state().queued_calls == 1


@given(arriving=st.lists(st.integers(0, 40), min_size=1, max_size=60), answer_every=st.integers(1, 5))
def test_every_call_is_sent_once_and_none_is_left_behind(arriving, answer_every):
    scene = dear()
    pendings = []
    for step, come in enumerate(arriving):
        pendings += [scene.start(n(len(pendings) + number)) for number in range(come)]
        scene.world.settle()
        if step % answer_every == 0 and scene.worker.batches:
            scene.worker.answer(DEAR_NS)
    scene.world.settle()
    while scene.worker.batches:
        scene.worker.answer(DEAR_NS)
        scene.world.settle()

    assert [pending.is_done for pending in pendings] == [True] * len(pendings)
    assert scene.pool.state().queued_calls == 0
    assert scene.pool.state().unknown == 0
