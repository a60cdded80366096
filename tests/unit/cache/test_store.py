"""Kept answers: bounded, sealed, gone when their time is over."""

from hypothesis import given
from hypothesis import strategies as st

from headworks.cache.store import ENTRY_COST_BYTES, Kept, Store, StoreSettings
from headworks.units import SECOND_NS

KEY = bytes(range(32))
SMALL = StoreSettings(most_bytes=20_000, most_entries=20, most_entry_bytes=5_000)
BODY = b'{"label": "fine"}'


def kept(body=BODY):
    return Kept(body, "application/json", "up/echo", "1")


def name(number):
    return number.to_bytes(32, "big")


def test_an_answer_is_given_again_with_its_age():
    store = Store(KEY)
    store.keep(name(1), kept(), None, 0, for_s=10)

    assert store.find(name(1), 4 * SECOND_NS, 10) == (kept(), 4.0)
    assert store.find(name(2), 0, 10) is None


def test_an_answer_past_its_time_is_dropped_and_an_older_one_than_asked_for_is_not_given():
    store = Store(KEY)
    store.keep(name(1), kept(), None, 0, for_s=10)

    assert store.find(name(1), 4 * SECOND_NS, 3.9) is None
    assert len(store) == 1
    assert store.find(name(1), 10 * SECOND_NS, 1e9) is None
    assert (len(store), store.size_bytes) == (0, 0)


def test_what_lies_in_memory_does_not_show_the_answer():
    store = Store(KEY)
    store.keep(name(1), kept(b"a very private answer"), None, 0, for_s=10)

    assert all(b"private" not in entry.sealed for entry in store._entries.values())


def test_an_answer_too_large_is_not_kept_and_replaces_what_was():
    store = Store(KEY, SMALL)
    store.keep(name(1), kept(), None, 0, for_s=10)
    store.keep(name(1), kept(b"x" * 5_000), None, 0, for_s=10)

    assert store.find(name(1), 0, 10) is None


def test_the_least_recently_used_goes_first():
    store = Store(KEY, SMALL)
    for number in range(20):
        store.keep(name(number), kept(), None, 0, for_s=10)
    store.find(name(0), 0, 10)
    store.keep(name(20), kept(), None, 0, for_s=10)

    assert store.find(name(0), 0, 10) is not None
    assert store.find(name(1), 0, 10) is None


def test_what_is_about_a_person_is_forgotten_with_the_person():
    store = Store(KEY)
    store.keep(name(1), kept(), "ada", 0, for_s=10)
    store.keep(name(2), kept(), "bob", 0, for_s=10)
    store.forget_subject("ada")

    assert store.find(name(1), 0, 10) is None
    assert store.find(name(2), 0, 10) is not None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.integers(0, 6_000), st.integers(0, 5), st.sampled_from(["keep", "find", "ada"])
        ),
        max_size=120,
    )
)
def test_it_never_holds_more_than_its_bounds_and_never_gives_anothers_answer(steps):
    store, now_ns = Store(KEY, SMALL), 0
    for number, size, passed_s, what in steps:
        now_ns += passed_s * SECOND_NS
        if what == "keep":
            store.keep(name(number), kept(b"%d:" % number + b"x" * size), "ada" if number % 2 else None, now_ns, 10)
        elif what == "ada":
            store.forget_subject("ada")
        elif (found := store.find(name(number), now_ns, 10)) is not None:
            assert found[0].body.startswith(b"%d:" % number)
            assert 0 <= found[1] < 10

        assert len(store) <= SMALL.most_entries
        assert store.size_bytes <= SMALL.most_bytes
        assert store.size_bytes == sum(len(e.sealed) + ENTRY_COST_BYTES for e in store._entries.values())
