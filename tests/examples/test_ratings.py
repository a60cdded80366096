import pytest

np = pytest.importorskip("numpy")

from examples.demo.prepare.ratings import film_weights, frequent, hit_rate, seen_matrix  # noqa: E402


def test_a_film_speaks_for_those_seen_with_it_and_never_for_itself():
    seen = np.array([[1, 1, 0]] * 60 + [[0, 0, 1]] * 60, np.float32)

    weights = film_weights(seen)

    assert np.diag(weights).tolist() == [0, 0, 0]
    assert weights[0, 1] > 0.2 > weights[0, 2]


def test_a_film_already_seen_is_no_hit():
    seen = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    scores = np.array([[9, 1, 0], [2, 1, 9]], np.float32)

    assert hit_rate(scores, seen, np.array([1, 1]), k=1) == 0.5
    assert hit_rate(scores, seen, np.array([0, 2]), k=3) == 1
    assert hit_rate(scores, seen, np.array([-1, -1]), k=3) == 0


def test_films_with_few_ratings_are_left_out():
    films = np.array([7] * 10 + [9] * 9 + [3] * 12)

    known = frequent(films)
    seen = seen_matrix(np.array([0, 1, 1]), np.array([7, 9, 3]), known)

    assert known.tolist() == [3, 7]
    assert seen.tolist() == [[0, 1], [1, 0]]
