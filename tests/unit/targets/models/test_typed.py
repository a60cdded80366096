import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import msgspec
import numpy as np
import pytest

from headworks.declare import Context, DType, Image, Shape
from headworks.errors import ContractViolation, ModelError, NotJson, SchemaViolation
from headworks.targets.models.codec import codec_for
from headworks.targets.models.runner import RowFailed
from headworks.targets.models.signature import read_signature
from headworks.targets.models.typed import Described, TypedRunner
from headworks.values import Payload


class Row(msgspec.Struct):
    x: float


class Score(msgspec.Struct):
    score: float


def make(predict, *examples):
    signature = read_signature(predict, "M")
    codecs = (codec_for(signature.request), codec_for(signature.reply))
    return TypedRunner(predict, signature, codecs, Described(examples, "v1", "A model."))


def scores(batch: list[Row]) -> list[Score]:
    return [Score(row.x) for row in batch]


def inverse(row: Row) -> Score:
    return Score(1 / row.x)


def called(runner, document, is_array=False):
    return runner.predict(runner.decode(Payload(document, is_array=is_array)))


def test_a_batch_model_answers_one_row_and_many():
    runner = make(scores)

    assert called(runner, b'{"x": 1}') == [b'{"score":1.0}']
    assert called(runner, b'[{"x": 1}, {"x": 2}]', is_array=True) == [b'{"score":1.0}', b'{"score":2.0}']


def test_the_announcement_says_what_was_declared():
    announcement = make(scores, {"x": 1}).announcement

    assert announcement.is_batch
    assert (announcement.model_version, announcement.description) == ("v1", "A model.")
    assert announcement.examples == ({"x": 1},)
    assert announcement.request["properties"] == {"x": {"type": "number"}}


def test_every_wrong_row_of_an_array_has_its_own_pointer():
    with pytest.raises(SchemaViolation) as caught:
        called(make(scores), b'[{"x": "a"}, {"x": 1}, {}]', is_array=True)

    assert [error.pointer for error in caught.value.errors] == ["/0/x", "/2/x"]


def test_the_errors_of_an_array_are_bounded():
    with pytest.raises(SchemaViolation) as caught:
        called(make(scores), b"[" + b",".join([b"{}"] * 100) + b"]", is_array=True)

    assert len(caught.value.errors) == 20


@pytest.mark.parametrize(("document", "error"), [(b'{"x": 1}', SchemaViolation), (b"[", NotJson)])
def test_what_is_no_array_of_rows_is_refused(document, error):
    with pytest.raises(error):
        called(make(scores), document, is_array=True)


def test_a_whole_picture_comes_beside_the_document():
    def size(data: bytes) -> int:
        return len(data)

    runner = make(size)

    assert runner.predict(runner.decode(Payload(b"", (("", b"abc"),)))) == [b"3"]


def test_blobs_belong_to_one_row():
    def size(picture: Image) -> float: ...

    with pytest.raises(SchemaViolation):
        make(size).decode(Payload(b"[]", (("", b"x"),), is_array=True))


@pytest.mark.parametrize("outputs", [[], [Score(1)] * 3, None, Score(1), iter([Score(1)] * 2), {1: Score(1)}])
def test_a_batch_of_another_length_is_never_dealt_out(outputs):
    def predict(batch: list[Row]) -> list[Score]:
        return outputs

    with pytest.raises(ContractViolation):
        make(predict).predict([Row(1), Row(2)])


def test_one_output_that_breaks_the_contract_harms_its_own_row_only():
    def predict(batch: list[Row]) -> list[Score]:
        return [Score(1.0), Score("x"), Score(float("nan"))]

    fine, wrong, nan = make(predict).predict([Row(1)] * 3)

    assert fine == b'{"score":1.0}'
    assert (wrong.code, nan.code) == ("contract_violation", "contract_violation")


def test_what_a_batch_raises_passes_up():
    def predict(batch: list[Row]) -> list[Score]:
        raise KeyError("weights")

    with pytest.raises(KeyError):
        make(predict).predict([Row(1)])


def test_a_single_item_model_fails_row_by_row():
    fine, failed = make(inverse).predict([Row(2), Row(0)])

    assert fine == b'{"score":0.5}'
    assert isinstance(failed, RowFailed)
    assert failed.code == "model_error"
    assert failed.reason.startswith("ZeroDivisionError in inverse, ")


def test_a_context_is_given_to_who_declares_it():
    def single(row: Row, context: Context) -> str:
        return context.request_id

    def batch(rows: list[Row], context: list[Context]) -> list[str]:
        return [one.request_id for one in context]

    for predict in (single, batch):
        assert make(predict).predict([Row(1), Row(2)], [Context("a"), Context("b")]) == [b'"a"', b'"b"']
        assert make(predict).predict([Row(1)]) == [b'""']


def test_a_stream_gives_validated_events():
    def count(row: Row, context: Context) -> Iterator[float]:
        yield row.x
        yield "not a number"

    events = make(count).stream(Row(1), Context("a"))

    assert next(events) == b"1.0"
    with pytest.raises(ContractViolation):
        next(events)


def test_arrays_are_stacked_for_a_batch():
    shapes = []

    def predict(x: Annotated[np.ndarray, Shape(None, 2), DType("float32")]) -> np.ndarray:
        shapes.append(x.shape)
        return x.sum(axis=1)

    runner = make(predict)

    assert called(runner, b"[[1, 2], [3, 4], [5, 6]]", is_array=True) == [b"3.0", b"7.0", b"11.0"]
    assert called(runner, b"[1, 2]") == [b"3.0"]
    assert shapes == [(3, 2), (1, 2)]


class TestAsync:
    def test_single_rows_run_side_by_side_and_fail_alone(self):
        both = asyncio.Barrier(2)

        async def predict(row: Row) -> Score:
            await both.wait()
            return Score(1 / row.x)

        fine, failed = asyncio.run(make(predict).predict_async([Row(2), Row(0)]))

        assert fine == b'{"score":0.5}'
        assert failed.code == "model_error"

    def test_a_batch_is_awaited(self):
        async def predict(rows: list[Row], context: list[Context]) -> list[Score]:
            return [Score(row.x) for row in rows]

        runner = make(predict, {"x": 1})
        asyncio.run(runner.warm_up_async())

        assert asyncio.run(runner.predict_async([Row(2)])) == [b'{"score":2.0}']

    def test_a_batch_without_context_is_awaited(self):
        async def predict(rows: list[Row]) -> list[Score]:
            return [Score(row.x) for row in rows]

        assert asyncio.run(make(predict).predict_async([Row(2)])) == [b'{"score":2.0}']

    def test_a_stream_is_pulled(self):
        async def count(row: Row) -> AsyncIterator[float]:
            yield row.x
            yield row.x + 1

        runner = make(count, {"x": 1})

        async def pulled():
            await runner.warm_up_async()
            return [event async for event in runner.stream_async(Row(1))]

        assert asyncio.run(pulled()) == [b"1.0", b"2.0"]


class TestWarmUp:
    def test_every_example_runs_as_one_batch(self):
        seen = []

        def predict(batch: list[Row]) -> list[Score]:
            seen.extend(batch)
            return [Score(1.0) for _ in batch]

        make(predict, {"x": 1}, {"x": 2}).warm_up()

        assert seen == [Row(1), Row(2)]

    def test_nothing_runs_without_examples(self):
        def predict(batch: list[Row]) -> list[Score]:
            raise KeyError

        make(predict).warm_up()

    def test_an_example_that_does_not_fit_is_refused(self):
        with pytest.raises(SchemaViolation) as caught:
            make(scores, {"x": 1}, {"y": 1}).warm_up()

        assert caught.value.reason == "example 1"
        assert "/y" in {field.pointer for field in caught.value.errors}

    def test_a_failing_example_fails_the_warm_up(self):
        with pytest.raises(ModelError) as caught:
            make(inverse, {"x": 1}, {"x": 0}).warm_up()

        assert caught.value.reason.startswith("example 1: ZeroDivisionError in inverse, ")

    def test_an_output_outside_the_contract_fails_the_warm_up(self):
        def predict(batch: list[Row]) -> list[Score]:
            return [Score("x") for _ in batch]

        with pytest.raises(ContractViolation):
            make(predict, {"x": 1}).warm_up()

    def test_a_stream_is_pulled_to_its_end(self):
        seen = []

        def count(row: Row) -> Iterator[float]:
            yield row.x
            seen.append("end")

        make(count, {"x": 1}).warm_up()

        assert seen == ["end"]

    @pytest.mark.parametrize("value", [3.0, "no number"])
    def test_a_file_without_examples_is_tried_on_anything_whatever_comes_of_it(self, value):
        seen = []

        def predict(batch: list[Row]) -> list[Score]:
            seen.extend(batch)
            return [Score(value) for _ in batch]

        signature = read_signature(predict, "M")
        codecs = (codec_for(signature.request), codec_for(signature.reply))
        TypedRunner(predict, signature, codecs, Described(is_file=True)).warm_up()

        assert seen == [Row(0.0)]
