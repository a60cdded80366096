"""How fast rows leave."""

from headworks.targets.models.pace import Pace


def observed(*answers):
    pace = Pace()
    for rows, now_ns, took_ns, is_busy in answers:
        pace.answered(rows, now_ns, took_ns, is_busy=is_busy)
    return pace.row_ns


def test_nothing_is_known_before_two_answers():
    assert observed((32, 1000, 10**6, True)) == 0


def test_idle_time_is_no_pace():
    assert observed((1, 1000, 10**6, False), (1, 10**12, 10**6, True)) == 0


def test_a_steady_pace_is_learnt():
    answers = [(10, 1_000_000 * n, 2_000_000, True) for n in range(1, 100)]

    assert 90_000 < observed(*answers) <= 100_000


def test_a_faster_pace_is_learnt_again():
    slow = [(10, 1_000_000 * n, 2_000_000, True) for n in range(1, 100)]
    quick = [(10, 99_000_000 + 10_000 * n, 2_000_000, True) for n in range(1, 100)]

    assert observed(*slow, *quick) < 2_000


def test_what_a_pause_of_the_machine_taught_is_forgotten_with_the_next_call():
    quick = [(10, 10_000 * n, 20_000, True) for n in range(1, 100)]
    pause = (10, 60 * 10**9, 59 * 10**9, True)
    lone = (1, 61 * 10**9, 150_000, False)

    assert observed(*quick, pause) > 10**8
    assert observed(*quick, pause, lone) <= 150_000
