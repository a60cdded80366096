from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.targets.models.batch import MOST_BATCH_BYTES, Batcher, CostModel
from headworks.targets.models.settings import QueueSettings


class Entry:
    def __init__(self, caller_id="ann", deadline_ns=10**12, rows=1, size_bytes=10):
        self.caller_id = caller_id
        self.deadline_ns = deadline_ns
        self.rows = rows
        self.size_bytes = size_bytes
        self.is_queued = False

    def __repr__(self):
        return f"{self.caller_id}@{self.deadline_ns}x{self.rows}"


def queue(cost=None, **bounds):
    return Batcher(QueueSettings(**bounds), cost or CostModel())


def learned(row_ns, fixed_ns):
    cost = CostModel()
    for rows in (1, 32, 8, 16) * 30:
        cost.observe(rows, row_ns * rows + fixed_ns)
    return cost


def filled(entries, **options):
    batcher = queue(**options)
    for entry in entries:
        assert batcher.add(entry)
    return batcher


def test_within_a_caller_the_earliest_deadline_goes_first():
    late, soon, middle = Entry(deadline_ns=900), Entry(deadline_ns=100), Entry(deadline_ns=500)

    batch, _ = filled([late, soon, middle]).take(2, 0, 0)

    assert batch == [soon, middle]


def test_callers_take_turns_however_much_one_has_queued():
    many = [Entry("ann", deadline_ns=100 + n) for n in range(50)]
    few = [Entry("bob", deadline_ns=10_000), Entry("cid", deadline_ns=20_000)]

    batch, _ = filled([*many, *few]).take(6, 0, 0)

    assert Counter(entry.caller_id for entry in batch) == {"ann": 4, "bob": 1, "cid": 1}


def test_turns_go_on_from_one_batch_to_the_next():
    batcher = filled([Entry(caller) for caller in "abc" for _ in range(4)])

    batches = [batcher.take(2, 0, 0)[0] for _ in range(3)]

    assert Counter(entry.caller_id for batch in batches for entry in batch) == {"a": 2, "b": 2, "c": 2}


def test_a_batch_counts_rows_and_not_calls():
    batcher = filled([Entry(rows=3), Entry(rows=3), Entry(rows=3)])

    assert [entry.rows for entry in batcher.take(8, 0, 0)[0]] == [3, 3]
    assert [entry.rows for entry in batcher.take(8, 0, 0)[0]] == [3]


def test_a_call_larger_than_a_batch_goes_alone():
    batcher = filled([Entry(rows=100), Entry(deadline_ns=10**13)])

    assert [entry.rows for entry in batcher.take(8, 0, 0)[0]] == [100]
    assert [entry.rows for entry in batcher.take(8, 0, 0)[0]] == [1]


def test_large_calls_do_not_make_a_batch_that_no_frame_can_carry():
    batcher = filled([Entry(size_bytes=MOST_BATCH_BYTES // 2) for _ in range(3)], max_bytes=10 * MOST_BATCH_BYTES)

    assert [len(batcher.take(8, 0, 0)[0]) for _ in range(2)] == [2, 1]


def test_expired_calls_leave_before_a_batch_is_made():
    gone, alive = Entry(deadline_ns=100), Entry(deadline_ns=300)
    batcher = filled([gone, alive])

    assert batcher.take(8, 200, 200) == ([alive], [gone])
    assert (batcher.calls, batcher.rows, batcher.size_bytes) == (0, 0, 0)


def test_dropped_calls_never_come_out():
    dropped, kept = Entry(deadline_ns=100), Entry(deadline_ns=300)
    batcher = filled([dropped, kept])
    batcher.drop(dropped)
    batcher.drop(dropped)

    assert batcher.calls == 1
    assert list(batcher.waiting()) == [kept]
    assert batcher.take(8, 0, 0) == ([kept], [])


def test_many_dropped_calls_do_not_pile_up():
    batcher = queue(max_calls=10)
    for number in range(10_000):
        entry = Entry(deadline_ns=10**15 - number)
        assert batcher.add(entry)
        batcher.drop(entry)

    assert sum(len(line.heap) for line in batcher._lines.values()) <= 130


def test_calls_put_back_come_before_later_ones_whatever_the_bounds():
    batcher = queue(max_calls=2, caller_share=1)
    first, second = Entry(deadline_ns=100), Entry(deadline_ns=200)
    assert batcher.add(first)
    batch, _ = batcher.take(8, 0, 0)
    assert batcher.add(Entry(deadline_ns=300))
    assert batcher.add(second)
    batcher.put_back(batch)

    assert batcher.take(2, 0, 0)[0] == [first, second]


@pytest.mark.parametrize(
    "bounds", [{"max_calls": 4}, {"max_rows": 12}, {"max_bytes": 4096}], ids=lambda bounds: next(iter(bounds))
)
def test_the_queue_is_bounded_for_all_and_for_each_caller(bounds):
    batcher = queue(**bounds, caller_share=0.5)

    of_ann = [batcher.add(Entry("ann", rows=3, size_bytes=1024)) for _ in range(4)]
    of_bob = [batcher.add(Entry("bob", rows=3, size_bytes=1024)) for _ in range(4)]

    assert of_ann == [True, True, False, False]
    assert of_bob == [True, True, False, False]


def test_one_call_above_every_bound_is_taken_when_nothing_waits():
    assert queue(max_rows=10, max_bytes=1024).add(Entry(rows=50, size_bytes=10**6))


def test_a_batch_does_not_grow_beyond_what_its_most_urgent_call_can_wait_for():
    urgent = Entry("ann", deadline_ns=10_500)
    others = [Entry("bob") for _ in range(30)]

    batch, _ = filled([urgent, *others], cost=learned(1000, 500)).take(32, 0, 0)

    assert urgent in batch
    assert 9 <= len(batch) <= 10


def test_a_call_that_cannot_make_it_anyway_limits_nobody():
    hopeless = Entry("ann", deadline_ns=300)
    others = [Entry("bob") for _ in range(31)]

    batch, _ = filled([hopeless, *others], cost=learned(1000, 500)).take(32, 0, 0)

    assert len(batch) == 32


def test_a_cost_is_unknown_until_something_ran():
    cost = CostModel()

    assert cost.of_ns(1000) == 0
    assert not cost.is_known


@pytest.mark.parametrize(("row_ns", "fixed_ns"), [(1000, 0), (0, 400_000), (1000, 400_000), (1, 5)])
def test_a_cost_is_learned_from_batches_of_different_sizes(row_ns, fixed_ns):
    cost = learned(row_ns, fixed_ns)

    assert cost.of_ns(20) == pytest.approx(20 * row_ns + fixed_ns, rel=0.05, abs=2)
    assert cost.rows_within(fixed_ns + 10 * row_ns + 1) >= 9


def test_a_cost_learned_from_one_size_only_is_shared_out_by_row():
    cost = CostModel()
    for _ in range(50):
        cost.observe(8, 8000)

    assert cost.of_ns(8) == pytest.approx(8000, rel=0.01)
    assert cost.of_ns(16) >= 8000


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 10**10)), max_size=100), st.integers(1, 5000))
def test_a_cost_never_turns_negative_nor_falls_with_more_rows(observed, rows):
    cost = CostModel()
    for each in observed:
        cost.observe(*each)

    assert 0 <= cost.of_ns(rows) <= cost.of_ns(rows + 1)
    assert cost.rows_within(cost.of_ns(rows)) >= 0


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abc"), st.integers(1, 200), st.integers(1, 5)),
        st.tuples(st.just("drop"), st.integers(0, 50)),
        st.tuples(st.just("take"), st.integers(1, 8), st.integers(0, 30)),
        st.tuples(st.just("put_back")),
    ),
    max_size=60,
)


@given(ACTIONS)
def test_every_call_leaves_exactly_once_and_the_counts_stay_true(actions):
    batcher, now_ns = queue(max_calls=20), 0
    added, out, last = [], [], []
    for action in actions:
        if action[0] == "add":
            entry = Entry(action[1], now_ns + action[2], action[3])
            if batcher.add(entry):
                added.append(entry)
        elif action[0] == "drop" and action[1] < len(added):
            entry = added[action[1]]
            out += [entry] if entry.is_queued else []
            batcher.drop(entry)
        elif action[0] == "take":
            now_ns += action[2]
            out += last
            last, expired = batcher.take(action[1], now_ns, now_ns)
            out += expired
            assert sum(entry.rows for entry in last) <= action[1] or len(last) == 1
            assert all(entry.deadline_ns > now_ns for entry in last)
        elif action[0] == "put_back":
            batcher.put_back(last)
            last = []
        waiting = list(batcher.waiting())
        assert batcher.calls == len(waiting)
        assert batcher.rows == sum(entry.rows for entry in waiting)

    assert Counter(map(id, [*out, *last, *batcher.waiting()])) == Counter(map(id, added))
