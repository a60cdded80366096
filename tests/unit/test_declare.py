import subprocess
import sys

import pytest

from headworks.declare import MARK, Context, DType, Image, Model, Shape, model
from headworks.units import SECOND_NS, SystemClock


def test_a_marked_function_stays_the_function_it_was():
    @model
    def double(x: float) -> float:
        return 2 * x

    assert double(2.0) == 4.0
    assert getattr(double, MARK).examples == ()


def test_a_mark_with_arguments_remembers_them():
    @model(examples=[1.0], description="Twice.", version="3")
    def double(x: float) -> float:
        return 2 * x

    marked = getattr(double, MARK)

    assert (marked.examples, marked.description, marked.version) == ((1.0,), "Twice.", "3")


def test_a_model_loads_nothing_unless_it_says_so():
    assert Model().load() is None
    assert (Model.examples, Model.description, Model.version) == ((), "", "")


def test_a_shape_reads_minus_one_as_any_length():
    assert Shape(-1, 30) == Shape(None, 30) == (None, 30)
    assert repr(Shape(None, 30)) == "Shape(None, 30)"


@pytest.mark.parametrize("sizes", [(-2,), (1.5,), ("n",), (True,)])
def test_a_shape_of_anything_but_whole_numbers_is_refused(sizes):
    with pytest.raises(ValueError, match="whole number from 0"):
        Shape(*sizes)


def test_a_dtype_shows_what_it_is():
    assert repr(DType("float32")) == "DType('float32')"


def test_a_context_counts_down_to_its_deadline():
    context = Context("id", SystemClock.monotonic_ns() + 60 * SECOND_NS)

    assert 0 < context.remaining_s() <= 60
    assert Context().remaining_s() == float("inf")


def test_every_pillow_picture_is_an_image():
    import PIL.Image

    picture = PIL.Image.new("RGB", (1, 1))

    assert isinstance(picture, Image)
    assert issubclass(PIL.Image.Image, Image)
    assert not isinstance("text", Image)


def test_declaring_a_model_imports_no_array_picture_or_validation_library():
    code = "import sys, headworks.declare; print(sorted({'numpy', 'PIL', 'pydantic', 'pandas'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout == "[]\n"
