import base64
import dataclasses
import io
import zlib
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
import numpy as np
import pandas as pd
import PIL.Image
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import TypedDict

from headworks.contract.tasks.image_classification import Request as ImageRequest
from headworks.declare import DType, Image, Shape
from headworks.errors import ConfigurationRefused, ContractViolation, NotJson, SchemaViolation
from headworks.targets.models import codec_image
from headworks.targets.models.codec import codec_for

T = TypeVar("T")


class Part(msgspec.Struct):
    b: int


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


class Whole(msgspec.Struct):
    a: list[Part]
    by_name: dict[str, Part] = {}
    day: datetime | None = None


@dataclasses.dataclass
class Data:
    text: str
    size: float = 1.0


class Dict(TypedDict):
    text: str


class Checked(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    low: int
    high: int
    note: int | str = 0

    @pydantic.model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError("low must not exceed high")
        return self

    @pydantic.field_validator("low")
    @classmethod
    def _even(cls, value):
        if value % 2:
            raise ValueError("must be even")
        return value


class Nested(pydantic.BaseModel):
    rows: list[Checked]


class PydanticPicture(pydantic.BaseModel):
    picture: Image
    raw: pydantic.Base64Bytes = b""


def picture_bytes(size=(3, 2), mode="RGB", form="PNG", **options):
    out = io.BytesIO()
    PIL.Image.new(mode, size).save(out, format=form, **options)
    return out.getvalue()


def text_of(data):
    return base64.b64encode(data).decode()


def json_of(value):
    return msgspec.json.encode(value)


def refusal(decode, *arguments):
    with pytest.raises(SchemaViolation) as caught:
        decode(*arguments)
    return [(error.pointer, error.message) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("declared", "document", "value"),
    [
        (Whole, b'{"a": [{"b": 1}]}', Whole([Part(1)])),
        (Data, b'{"text": "x", "size": 2}', Data("x", 2.0)),
        (Dict, b'{"text": "x"}', {"text": "x"}),
        (Checked, b'{"low": 2, "high": 3, "note": "n"}', Checked(low=2, high=3, note="n")),
        (str, b'"x"', "x"),
        (bytes, b'"eA=="', b"x"),
        (int | str, b"3", 3),
        (Annotated[int, pydantic.Field(gt=2)], b"3", 3),
        (dict[str, Any], b'{"k": [1]}', {"k": [1]}),
        (int, b"1e2", 100),
        (
            Whole,
            b'{"a": [{"b": 1.0}], "day": "2026-01-02T03:04:05"}',
            Whole([Part(1)], {}, datetime(2026, 1, 2, 3, 4, 5)),
        ),
        (Checked, b'{"low": 2.0, "high": 3}', Checked(low=2, high=3)),
    ],
)
def test_rows_become_values_of_their_type(declared, document, value):
    assert codec_for(declared).decode(document) == value


@pytest.mark.parametrize(
    ("declared", "document", "pointer"),
    [
        (Whole, b"{}", "/a"),
        (Whole, b'{"a": [{"b": "x"}]}', "/a/0/b"),
        (Whole, b'{"a": [{"b": true}]}', "/a/0/b"),
        (Whole, b'{"a": [], "by_name": {"k/~": {"b": null}}}', "/by_name/k~1~0/b"),
        (Whole, b'{"a": 1}', "/a"),
        (Data, b'{"text": 1}', "/text"),
        (Dict, b"[]", ""),
        (Checked, b'{"low": "2", "high": 3}', "/low"),
        (Checked, b'{"low": 1, "high": 3}', "/low"),
        (Checked, b'{"low": 4, "high": 3}', ""),
        (Checked, b'{"low": 2, "high": 3, "note": []}', "/note"),
        (Nested, b'{"rows": [{"low": 2, "high": 3}, {"low": 1, "high": 3}]}', "/rows/1/low"),
        (int, b'"1"', ""),
        (bytes, b'"?"', ""),
    ],
)
def test_what_does_not_fit_is_refused_with_a_pointer(declared, document, pointer):
    assert [found for found, _ in refusal(codec_for(declared).decode, document)][0] == pointer


def test_a_custom_validator_speaks_to_the_caller():
    assert refusal(codec_for(Checked).decode, b'{"low": 1, "high": 3}') == [("/low", "must be even")]
    assert refusal(codec_for(Checked).decode, b'{"low": 4, "high": 3}') == [("", "low must not exceed high")]


def test_the_errors_of_a_pydantic_model_are_bounded():
    rows = {"rows": [{"low": 1, "high": 3}] * 100}

    assert len(refusal(codec_for(Nested).decode, json_of(rows))) == 20


def test_a_number_beyond_the_floats_is_found_where_it_stands():
    class Floats(pydantic.BaseModel):
        rows: list[float]

    document = b'{"rows": [1, ' + b"1" * 400 + b"]}"

    assert refusal(codec_for(Floats).decode, document) == [("/rows/1", "is beyond the range of a number")]
    assert codec_for(Annotated[str, pydantic.Field()]).decode(b'"' + b"1" * 400 + b'"') == "1" * 400


def test_a_struct_that_checks_itself_speaks_to_the_caller():
    class Even(msgspec.Struct):
        number: int

        def __post_init__(self):
            if self.number % 2:
                raise ValueError("number must be even")

    assert refusal(codec_for(list[Even]).decode, b'[{"number": 2}, {"number": 1}]') == [("/1", "number must be even")]


@pytest.mark.parametrize("declared", [Whole, Checked, Annotated[np.ndarray, Shape(2)]])
def test_what_is_no_json_is_not_json(declared):
    with pytest.raises(NotJson):
        codec_for(declared).decode(b"{")


@pytest.mark.parametrize("declared", [Whole, Data, Dict, Checked])
def test_objects_are_published_closed(declared):
    assert codec_for(declared).schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "declared", [complex, list[complex], set[object], Part | Whole, Annotated[np.ndarray, Shape(2), DType("complex64")]]
)
def test_a_type_without_a_json_form_is_refused_with_a_fix(declared):
    with pytest.raises(ConfigurationRefused, match=r"Use |Write |Every "):
        codec_for(declared)


def test_a_pydantic_field_that_cannot_be_described_is_refused():
    class Strange(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        it: io.BytesIO

    with pytest.raises(ConfigurationRefused, match="pydantic"):
        codec_for(Strange)


def test_a_constraint_that_would_be_ignored_is_refused_with_the_fix():
    class Inner(msgspec.Struct):
        inner: list[Annotated[int, pydantic.Field(gt=3)]]

    class Outer(msgspec.Struct):
        rows: dict[str, Inner]

    with pytest.raises(ConfigurationRefused, match=r"msgspec\.Meta"):
        codec_for(Outer)


def test_a_field_whose_type_cannot_be_resolved_is_refused_with_the_fix():
    class Outer(msgspec.Struct):
        inner: "Nowhere"  # noqa: F821

    with pytest.raises(ConfigurationRefused, match="Nowhere.*top of its module"):
        codec_for(Outer)


def test_a_generic_struct_is_served():
    codec = codec_for(Page[int])

    assert codec.decode(b'{"items": [1]}') == Page([1])
    assert codec.schema["properties"]["items"]["items"] == {"type": "integer"}


def test_a_pydantic_model_inside_a_struct_is_refused_with_the_fix():
    class Outer(msgspec.Struct):
        inner: Checked

    with pytest.raises(ConfigurationRefused, match="Checked.*pydantic"):
        codec_for(Outer)


@pytest.mark.parametrize(
    ("declared", "value", "document"),
    [
        (Part, Part(1), b'{"b":1}'),
        (Data, Data("x", 2), b'{"text":"x","size":2.0}'),
        (Data, {"text": "x", "extra": 1}, b'{"text":"x"}'),
        (float, np.float32(0.5), b"0.5"),
        (list[float], np.array([1.0, 2.0]), b"[1.0,2.0]"),
        (dict[str, Any], {"n": np.int64(3)}, b'{"n":3}'),
        (float | None, None, b"null"),
        (Checked, Checked(low=2, high=3), b'{"low":2,"high":3,"note":0}'),
        (list[Checked], [Checked(low=2, high=3)], b'[{"low":2,"high":3,"note":0}]'),
        (bytes, b"x", b'"eA=="'),
    ],
)
def test_values_become_json_of_their_type(declared, value, document):
    assert codec_for(declared).encode(value) == document


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (Part, Part("x")),
        (Part, None),
        (Part, object()),
        (Part, Checked(low=2, high=3)),
        (float, float("nan")),
        (float | None, float("nan")),
        (list[float | None], [None, float("inf")]),
        (dict[str, Any], {"x": np.float64("nan")}),
        (Dict, {}),
        (Checked, Checked.model_construct(low="x", high=3)),
        (Checked, {"low": 2}),
        (Checked, 3),
        (Annotated[float, pydantic.Field(le=1)] | None, float("nan")),
        (Annotated[float, pydantic.Field(le=1)], 2.0),
        (str, 3),
    ],
)
def test_what_breaks_the_reply_type_is_a_contract_violation(declared, value):
    with pytest.raises(ContractViolation) as caught:
        codec_for(declared).encode(value)

    assert caught.value.reason


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (Literal["a"], "content"),
        (Checked, Checked.model_construct(low="content", high=3)),
        (Checked, {"low": "content"}),
        (Part, Part("content")),
        (Annotated[np.ndarray, Shape(1)], ["content"]),
    ],
)
def test_the_reason_for_the_log_never_quotes_the_value(declared, value):
    with pytest.raises(ContractViolation) as caught:
        codec_for(declared).encode(value)

    assert "content" not in caught.value.reason


class TestPictures:
    def test_base64_text_becomes_an_rgb_picture(self):
        request = codec_for(ImageRequest).decode(json_of({"inputs": text_of(picture_bytes(mode="L"))}))

        assert (request.inputs.size, request.inputs.mode) == ((3, 2), "RGB")

    @pytest.mark.parametrize("declared", [Image, PIL.Image.Image])
    def test_a_whole_picture_comes_as_a_blob_or_as_text(self, declared):
        codec = codec_for(declared)

        assert codec.decode_with(b"", (("", picture_bytes()),)).size == (3, 2)
        assert codec.decode(json_of(text_of(picture_bytes()))).size == (3, 2)

    def test_a_field_comes_as_a_blob_beside_the_document(self):
        request = codec_for(ImageRequest).decode_with(b'{"parameters": {"top_k": 2}}', (("inputs", picture_bytes()),))

        assert (request.inputs.size, request.parameters.top_k) == ((3, 2), 2)

    def test_pydantic_models_hold_pictures_and_bytes(self):
        codec = codec_for(PydanticPicture)
        fields = (("picture", picture_bytes()), ("raw", b"x"))

        made = codec.decode_with(b"{}", fields)

        assert (made.picture.size, made.raw) == ((3, 2), b"x")
        assert codec.schema["properties"]["picture"]["contentEncoding"] == "base64"
        assert codec.schema["properties"]["raw"]["contentEncoding"] == "base64"

    @pytest.mark.parametrize(
        ("sent", "words"),
        [
            (text_of(b"no picture"), "not a readable picture"),
            (text_of(picture_bytes()[:40]), "not a readable picture"),
            ("???", "not valid base64"),
        ],
    )
    def test_a_broken_picture_is_refused_at_its_field(self, sent, words):
        ((pointer, message),) = refusal(codec_for(ImageRequest).decode, json_of({"inputs": sent}))

        assert pointer == "/inputs"
        assert words in message

    def test_a_broken_blob_is_refused_at_its_field(self):
        ((pointer, _),) = refusal(codec_for(ImageRequest).decode_with, b"{}", (("inputs", b"x"),))

        assert pointer == "/inputs"

    def test_a_pydantic_model_made_by_hand_holds_a_picture_only(self):
        picture = PIL.Image.new("RGB", (1, 1))

        assert PydanticPicture(picture=picture).picture is picture
        with pytest.raises(pydantic.ValidationError, match="PIL"):
            PydanticPicture(picture="text")

    @pytest.mark.parametrize("declared", [ImageRequest, PydanticPicture])
    @pytest.mark.parametrize("sent", [1, None, []])
    def test_what_is_no_text_is_no_picture(self, declared, sent):
        name = "inputs" if declared is ImageRequest else "picture"

        assert refusal(codec_for(declared).decode, json_of({name: sent})) == [(f"/{name}", "must be of type string")]

    def test_a_broken_picture_in_a_pydantic_model_is_refused_at_its_field(self):
        ((pointer, message),) = refusal(codec_for(PydanticPicture).decode, json_of({"picture": text_of(b"x")}))

        assert (pointer, "readable picture" in message) == ("/picture", True)

    def test_the_pixels_of_a_png_are_counted_before_they_are_decoded(self):
        huge = bytearray(picture_bytes((1, 1)))
        huge[16:24] = (40_001).to_bytes(4, "big") + (1_000).to_bytes(4, "big")
        huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")

        with pytest.raises(ValueError, match="40000000 pixels"):
            codec_image.open_image(bytes(huge))

    def test_the_pixels_of_a_gif_are_counted_before_they_are_decoded(self):
        huge = bytearray(picture_bytes((1, 1), form="GIF"))
        huge[6:10] = (8_000).to_bytes(2, "little") * 2

        with pytest.raises(ValueError, match="40000000 pixels"):
            codec_image.open_image(bytes(huge))

    @pytest.mark.parametrize("form", ["PNG", "GIF", "JPEG", "WEBP"])
    @given(data=st.data())
    @settings(max_examples=30, deadline=None)
    def test_a_damaged_picture_is_a_picture_or_a_value_error(self, form, data):
        whole = bytearray(picture_bytes((8, 8), form=form))
        for at, value in data.draw(
            st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=8)
        ):
            whole[at] = value
        cut = data.draw(st.integers(0, len(whole)))

        try:
            picture = codec_image.open_image(bytes(whole[:cut]))
        except ValueError:
            return
        assert picture.mode == "RGB"

    def test_a_picture_is_turned_upright(self):
        exif = PIL.Image.Exif()
        exif[0x0112] = 6

        assert codec_image.open_image(picture_bytes((3, 2), form="JPEG", exif=exif)).size == (2, 3)

    def test_a_format_outside_the_list_is_not_read(self):
        with pytest.raises(ValueError, match="JPEG"):
            codec_image.open_image(picture_bytes(form="TIFF"))

    def test_a_reply_with_a_picture_is_png_in_base64(self):
        class Reply(msgspec.Struct):
            picture: Image

        text = codec_for(Reply).encode(Reply(PIL.Image.new("RGB", (3, 2))))

        assert codec_image.open_image(msgspec.json.decode(text)["picture"]).size == (3, 2)
        with pytest.raises(ContractViolation):
            codec_for(Reply).encode(Reply(3))


class TestArrays:
    ROW = Annotated[np.ndarray, Shape(2), DType("float32")]

    def test_nested_numbers_become_an_array_of_the_declared_type(self):
        array = codec_for(Annotated[np.ndarray, Shape(None, 2), DType("int16")]).decode(b"[[1, 2.0], [3, 4]]")

        assert array.dtype == np.int16
        assert array.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize(
        ("dtype", "document", "pointer"),
        [
            ("float32", b"[1]", ""),
            ("float32", b"[1, 2, 3]", ""),
            ("float32", b"[1, 1e39]", "/1"),
            ("float32", b'[1, "2"]', "/1"),
            ("uint8", b"[1, 256]", "/1"),
            ("uint8", b"[1, -1]", "/1"),
            ("int64", b"[1, 9223372036854775808]", "/1"),
            ("int32", b"[1, 1.5]", "/1"),
            ("bool", b"[true, 1]", "/1"),
            ("float64", b"[true, 1]", "/0"),
        ],
    )
    def test_shape_type_and_range_are_checked(self, dtype, document, pointer):
        codec = codec_for(Annotated[np.ndarray, Shape(2), DType(dtype)])

        assert refusal(codec.decode, document)[0][0] == pointer

    def test_open_dimensions_may_be_empty(self):
        codec = codec_for(Annotated[np.ndarray, Shape(None, 3)])

        assert codec.decode(b"[]").shape == (0, 3)
        assert codec_for(Annotated[np.ndarray, Shape()]).decode(b"1.5") == 1.5

    def test_an_array_has_no_blobs(self):
        assert refusal(codec_for(self.ROW).decode_with, b"[1, 2]", (("", b"x"),))

    def test_rows_are_stacked_and_outputs_cut(self):
        codec = codec_for(self.ROW)
        batch = codec.gather([codec.decode(b"[1, 2]"), codec.decode(b"[3, 4]")])

        assert batch.shape == (2, 2)
        assert [codec.encode(row) for row in codec.scatter(batch, 2)] == [b"[1.0,2.0]", b"[3.0,4.0]"]

    @pytest.mark.parametrize("outputs", [np.zeros((3, 2)), np.float64(1), [[1, 2], [3, 4]], None])
    def test_outputs_of_another_length_are_never_dealt_out(self, outputs):
        with pytest.raises(ContractViolation):
            codec_for(self.ROW).scatter(outputs, 2)

    @pytest.mark.parametrize(
        "value", [[1.0], [1.0, float("nan")], [1.0, float("inf")], ["a", "b"], [1j, 1j], object(), [[1], [1, 2]]]
    )
    def test_an_output_of_another_shape_or_kind_is_a_contract_violation(self, value):
        with pytest.raises(ContractViolation):
            codec_for(self.ROW).encode(value)

    @pytest.mark.parametrize("value", [["a", 1], [1, 2], [None, "x"]])
    def test_an_array_of_text_holds_text_only(self, value):
        codec = codec_for(Annotated[np.ndarray, Shape(2), DType("object")])

        assert codec.encode(codec.decode(b'["a", "b"]')) == b'["a","b"]'
        with pytest.raises(ContractViolation):
            codec.encode(np.array(value, dtype=object))

    def test_a_ragged_array_of_whole_floats_is_refused(self):
        codec = codec_for(Annotated[np.ndarray, Shape(None, None), DType("int64")])

        assert refusal(codec.decode, b"[[1.0], [1, 2]]")

    def test_floats_are_never_cut_to_integers(self):
        with pytest.raises(ContractViolation):
            codec_for(Annotated[np.ndarray, Shape(1), DType("int64")]).encode(np.array([1.5]))

    @pytest.mark.parametrize("value", [1.5, np.zeros((2, 2)), np.array([True]), np.int8(3)])
    def test_a_reply_without_a_shape_is_any_numbers(self, value):
        from headworks.contract.schema import Schema

        codec = codec_for(np.ndarray)

        assert Schema(codec.schema).errors(msgspec.json.decode(codec.encode(value))) == ()

    def test_the_type_of_an_nd_array_is_its_dtype(self):
        from numpy.typing import NDArray

        codec = codec_for(Annotated[NDArray[np.uint8], Shape(1)])

        assert codec.schema["items"] == {"type": "integer", "minimum": 0, "maximum": 255}

    @pytest.mark.parametrize(
        "notes", [(Shape(1), Shape(2)), (Shape(1), DType("float8")), (Shape(1), DType("datetime64[s]"))]
    )
    def test_a_contradictory_array_is_refused(self, notes):
        with pytest.raises(ConfigurationRefused, match=r"headworks\.Shape"):
            codec_for(Annotated[(np.ndarray, *notes)])


class TestTables:
    def test_rows_become_one_data_frame_in_the_order_of_the_fields(self):
        codec = codec_for(Annotated[pd.DataFrame, Data])
        rows = [codec.decode(b'{"size": 2, "text": "x"}'), codec.decode(b'{"text": "y"}')]

        frame = codec.gather(rows)

        assert frame.columns.tolist() == ["text", "size"]
        assert frame.to_dict("records") == [{"text": "x", "size": 2.0}, {"text": "y", "size": 1.0}]

    @pytest.mark.parametrize("row", [Part, Data, Dict, Checked])
    def test_any_type_with_fields_is_a_row(self, row):
        document = {Part: {"b": 1}, Data: {"text": "x"}, Dict: {"text": "x"}, Checked: {"low": 2, "high": 3}}[row]
        codec = codec_for(Annotated[pd.DataFrame, row])
        frame = codec.gather([codec.decode(json_of(document))])

        (only,) = codec.scatter(frame, 1)

        assert msgspec.json.decode(codec.encode(only)).items() >= document.items()

    def test_a_row_may_have_a_picture_beside_it(self):
        codec = codec_for(Annotated[pd.DataFrame, ImageRequest])

        frame = codec.gather([codec.decode_with(b"{}", (("inputs", picture_bytes()),))])

        assert frame["inputs"][0].size == (3, 2)

    def test_a_missing_value_in_an_output_is_a_contract_violation(self):
        codec = codec_for(Annotated[pd.DataFrame, Data])
        (row,) = codec.scatter(pd.DataFrame({"text": ["x"], "size": [float("nan")]}), 1)

        with pytest.raises(ContractViolation):
            codec.encode(row)

    @pytest.mark.parametrize("outputs", [pd.DataFrame({"text": ["x"]}), [{"text": "x"}] * 2])
    def test_outputs_that_are_not_one_a_row_are_never_dealt_out(self, outputs):
        with pytest.raises(ContractViolation):
            codec_for(Annotated[pd.DataFrame, Data]).scatter(outputs, 2)

    @pytest.mark.parametrize("declared", [pd.DataFrame, Annotated[pd.DataFrame, int], Annotated[pd.DataFrame, "x"]])
    def test_a_table_without_a_row_type_is_refused(self, declared):
        with pytest.raises(ConfigurationRefused, match="Row"):
            codec_for(declared)
