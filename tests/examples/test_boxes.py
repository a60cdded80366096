import pytest

np = pytest.importorskip("numpy")

from examples.demo.models.boxes import apart, faces_in, intersection_over_union  # noqa: E402


def maps(rows=8, columns=8):
    return np.zeros((rows, columns), np.float32), np.zeros((2, rows, columns), np.float32)


def test_a_hot_cell_becomes_a_box_around_its_middle():
    heat, sizes = maps()
    _, offsets = maps()
    heat[2, 5] = 0.9
    sizes[:, 2, 5] = np.log([4, 2])  # sixteen pixels high, eight wide

    ((box, score),) = faces_in(heat, sizes, offsets, threshold=0.5)

    assert box.tolist() == [18, 2, 26, 18]
    assert score == pytest.approx(0.9)


def test_a_cell_below_the_threshold_is_no_face():
    heat, sizes = maps()
    heat[2, 5] = 0.4

    assert faces_in(heat, sizes, sizes, threshold=0.5) == []
    assert len(faces_in(heat, sizes, sizes, threshold=0.3)) == 1


def test_of_two_boxes_on_one_face_the_better_stays():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]], np.float32)

    assert apart(boxes, np.array([0.6, 0.9, 0.7], np.float32)) == [1, 2]


@pytest.mark.parametrize(
    ("other", "expected"),
    [([0, 0, 10, 10], 1), ([10, 0, 20, 10], 0), ([5, 0, 15, 10], 1 / 3), ([20, 20, 30, 30], 0), ([2, 2, 4, 4], 0.04)],
)
def test_overlap_goes_from_nothing_to_all(other, expected):
    box = np.array([0, 0, 10, 10], np.float32)

    assert intersection_over_union(box, np.array(other, np.float32)) == pytest.approx(expected)
    assert intersection_over_union(np.array(other, np.float32), box) == pytest.approx(expected)
