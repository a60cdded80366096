"""The bench of the front's own code runs on the code as it is."""

from bench.front import CONNECTIONS, Bench


def test_every_call_of_the_bench_is_answered_well():
    bench = Bench()
    bench.run(2 * CONNECTIONS)

    assert bench.watch.page().count(b'outcome="ok"') == 1
