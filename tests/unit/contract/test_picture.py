"""Only heads are read; what is too large to decode never reaches a decoder."""

import io
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.contract.picture import (
    NotPicture,
    Picture,
    Truncated,
    check_base64_picture,
    check_picture,
    picture_of,
)
from headworks.errors import BodyTooLarge, SchemaViolation, UnsupportedMedia
from tests.unit.dialects.pictures import gif, jpeg, png, webp

WHOLE = {
    "png": png(640, 480),
    "jpeg": jpeg(640, 480),
    "gif": gif(640, 480),
    "vp8": webp(640, 480, b"VP8 "),
    "vp8l": webp(640, 480, b"VP8L"),
    "vp8x": webp(640, 480),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_the_size_of_every_kind_is_read(kind: str) -> None:
    picture = picture_of(WHOLE[kind])

    assert (picture.width, picture.height) == (640, 480)


@pytest.mark.parametrize(
    ("kind", "saved"), [("PNG", {}), ("JPEG", {}), ("GIF", {}), ("WEBP", {}), ("WEBP", {"lossless": True})]
)
@pytest.mark.parametrize("frames", [1, 3])
def test_what_pillow_writes_is_read(kind: str, saved: dict[str, bool], frames: int) -> None:
    image = pytest.importorskip("PIL.Image")
    pictures = [image.effect_noise((37 + i, 23), 10 * i + 1).convert("RGB").resize((37, 23)) for i in range(frames)]
    out = io.BytesIO()
    animated = {} if kind == "JPEG" or frames == 1 else {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(out, kind, **saved, **animated)
    picture = picture_of(out.getvalue())

    assert picture == Picture(f"image/{kind.lower()}", 37, 23, frames if animated else 1)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_cut_head_is_said_to_be_cut(kind: str) -> None:
    for length in range(20):
        with pytest.raises((Truncated, NotPicture)):
            picture_of(WHOLE[kind][:length])

    with pytest.raises(SchemaViolation, match="schema"):
        check_picture(WHOLE[kind][:20], "/image")


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=300), st.integers(0, 60))
def test_broken_heads_never_raise_anything_else(kind: str, noise: bytes, at: int) -> None:
    data = WHOLE[kind][:at] + noise

    try:
        picture_of(data)
    except (Truncated, NotPicture):
        pass


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7 and more than that", b"BM" + bytes(60), b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_another_kind_is_refused_with_the_field(data: bytes) -> None:
    with pytest.raises((UnsupportedMedia, SchemaViolation)) as caught:
        check_picture(data, "/image")

    assert caught.value.errors[0].pointer == "/image"


@pytest.mark.parametrize("data", [png(10_000, 4_001), jpeg(60_000, 60_000), gif(60_000, 1_000), webp(16_000, 16_000)])
def test_too_many_pixels_are_refused_before_they_are_made(data: bytes) -> None:
    with pytest.raises(BodyTooLarge) as caught:
        check_picture(data, "/image")
    with pytest.raises(BodyTooLarge):
        check_base64_picture(b64encode(data).decode(), "/image")

    assert "40 million" in caught.value.errors[0].message


@pytest.mark.parametrize(
    "data", [png(1, 1, frames=65), gif(1, 1, frames=65), webp(1, 1, frames=65), gif(1, 1, frames=40_000)]
)
def test_too_many_frames_are_refused(data: bytes) -> None:
    with pytest.raises(BodyTooLarge, match="frames"):
        check_picture(data, "/image")

    check_picture(png(1, 1, frames=64), "/image")


def test_a_frame_larger_than_its_screen_counts() -> None:
    data = bytearray(gif(10, 10))
    frame = data.index(b"\x2c")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"

    with pytest.raises(BodyTooLarge):
        check_picture(bytes(data), "/image")


def test_the_head_may_lie_behind_long_metadata() -> None:
    check_base64_picture(b64encode(jpeg(640, 480, padding=300_000)).decode(), "/image")
    check_base64_picture(b64encode(gif(640, 480, blocks=100_000)).decode(), "/image")


def test_steps_are_bounded() -> None:
    with pytest.raises(UnsupportedMedia):
        check_picture(gif(1, 1, blocks=300_000), "/image")
    with pytest.raises(UnsupportedMedia):
        check_picture(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 300_000, "/image")


@pytest.mark.parametrize("size_bytes", [100, 40_000, 400_000])
def test_a_file_that_is_no_picture_is_refused_however_long_it_is(size_bytes: int) -> None:
    for check, file in (
        (check_picture, b"%PDF-1.7" * (size_bytes // 8)),
        (check_base64_picture, b64encode(b"%PDF-1.7" * (size_bytes // 8)).decode()),
    ):
        with pytest.raises(UnsupportedMedia) as caught:
            check(file, "/image")
        assert caught.value.errors[0].pointer == "/image"


@pytest.mark.parametrize("text", ["not base64!", "abc", "data:image/png;base64," + b64encode(WHOLE["png"]).decode()])
def test_what_is_not_base64_is_refused_with_the_field(text: str) -> None:
    with pytest.raises(SchemaViolation) as caught:
        check_base64_picture(text, "/3/image")

    assert caught.value.errors[0].pointer == "/3/image"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_has_the_size_it_is_shown_with(orientation: int) -> None:
    image = pytest.importorskip("PIL.Image")
    turned = pytest.importorskip("PIL.ImageOps").exif_transpose
    out = io.BytesIO()
    exif = image.Exif()
    exif[0x0112] = orientation
    made = image.new("RGB", (64, 48))
    made.save(out, "JPEG", exif=exif)

    picture = picture_of(out.getvalue())

    assert picture.orientation == orientation
    assert picture.upright == turned(image.open(io.BytesIO(out.getvalue()))).size


@given(tiff=st.binary(max_size=64), order=st.sampled_from([b"II*\0", b"MM\0*"]))
def test_a_broken_exif_part_turns_nothing(tiff: bytes, order: bytes) -> None:
    part = b"Exif\0\0" + order + tiff
    plain = WHOLE["jpeg"]
    whole = plain[:2] + b"\xff\xe1" + (len(part) + 2).to_bytes(2, "big") + part + plain[2:]

    assert picture_of(whole).upright in {(640, 480), (480, 640)}
