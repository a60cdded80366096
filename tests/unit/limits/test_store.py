import pytest

from headworks.limits.memory import MemoryLimits
from headworks.limits.store import SqliteDebts
from headworks.units import SECOND_NS, Rate
from tests.fakes_store import OneConnection


@pytest.fixture
def file():
    return OneConnection()


@pytest.fixture
def debts(file):
    debts = SqliteDebts(file)
    debts.prepare()
    return debts


def test_a_new_file_holds_no_debt_and_no_time(debts):
    kept = debts.load()

    assert (kept.elapsed_ns, kept.due) == (0, {})


def test_what_was_kept_is_loaded_with_the_time_it_was_kept_at(debts):
    debts.keep("a", 70, 45)
    debts.keep("a", 90, 45)
    debts.keep("b", 80, 45)
    debts.tick(50)

    kept = debts.load()

    assert (kept.elapsed_ns, kept.due) == (50, {"a": 90, "b": 80})


def test_time_kept_with_a_bucket_never_steps_back(debts):
    debts.tick(50)
    debts.keep("a", 90, 45)
    assert debts.load().elapsed_ns == 50
    debts.keep("a", 95, 55)

    assert debts.load().elapsed_ns == 55


def test_a_tick_drops_buckets_at_rest(debts, file):
    debts.keep("rested", 40, 45)
    debts.keep("in debt", 90, 45)
    debts.tick(50)

    assert file.read("select bucket from limit_debts") == [("in debt",)]


def test_settling_replaces_bounds_by_exact_times(debts):
    debts.keep("a", 90, 45)
    debts.settle({"a": 60}, 55)

    kept = debts.load()

    assert (kept.elapsed_ns, kept.due) == (55, {"a": 60})


def test_preparing_twice_changes_nothing(debts):
    debts.keep("a", 90, 45)
    debts.prepare()

    assert debts.load().due == {"a": 90}


def test_a_limiter_goes_on_over_the_file_where_it_stopped(debts):
    rate = Rate(5, 3600.0)
    first = MemoryLimits(debts)
    first.take("key", rate, 3, 0)
    first.close(10 * SECOND_NS)
    second = MemoryLimits(debts)
    kept = debts.load()
    second.restore(kept.elapsed_ns, kept.due, 99)

    assert second.take("key", rate, 1, 99).remaining == 1
