"""Amazon SageMaker endpoints that speak CSV, as the built-in algorithms do: one line of values in, numbers out.

Source: SageMaker developer guide, "Common data formats for inference"; service model sagemaker-runtime 2017-05-13.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import msgspec

from headworks.contract.tasks import tabular_classification, tabular_regression
from headworks.errors import FieldError, HeadworksError, ProviderBroken, ProviderRefused
from headworks.targets.providers.aws.refusals import failure
from headworks.targets.providers.aws.sagemaker import invocations
from headworks.targets.providers.whole import Whole
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

FIELDS = (("content-type", "text/csv"), ("accept", "text/csv"))
Scalar = str | float | int | bool | None

_row = msgspec.json.Decoder(dict[str, Scalar]).decode
_encode = msgspec.json.Encoder().encode


class CsvEndpoint(Whole, frozen=True, kw_only=True):
    """One endpoint; `columns` is the order that it was trained with, `labels` its classes in their order.

    A single number for two classes is the chance of the second one.
    """

    columns: tuple[str, ...]
    labels: tuple[str, ...] = ()

    def request(self, ask: Ask) -> HttpRequest:
        """The values of one row in the model's order: numbers as they are, true and false as 1 and 0, null as nothing.

        Raises: ProviderRefused for a column that is missing or unknown, or holds what no cell can.
        """
        try:
            row = _row(ask.document)
        except msgspec.ValidationError:
            raise ProviderRefused(
                errors=(FieldError("", "must hold one number, text or null for each column"),)
            ) from None
        wrong = sorted(set(self.columns) ^ row.keys())
        if wrong:
            known = ", ".join(self.columns)
            raise ProviderRefused(errors=(FieldError("", f"must hold exactly the columns {known}"),))
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow([_cell(row[name]) for name in self.columns])
        return HttpRequest("POST", invocations(self.model), FIELDS, out.getvalue().encode())

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The prediction.

        Raises: ProviderBroken when the numbers are not as many as the task needs.
        """
        numbers = _numbers(response.body)
        if self.task == tabular_regression.NAME:
            if len(numbers) != 1:
                raise ProviderBroken(reason=f"{len(numbers)} numbers for one prediction")
            return Answer(_encode(tabular_regression.Reply(numbers[0])), None, self.model)
        if len(numbers) == 1 and len(self.labels) == 2:
            numbers = [1.0 - numbers[0], numbers[0]]
        if len(numbers) != len(self.labels):
            raise ProviderBroken(reason=f"{len(numbers)} chances of {len(self.labels)} classes")
        chances = dict(zip(self.labels, numbers, strict=True))
        best = max(chances, key=lambda label: chances[label])
        return Answer(_encode(tabular_classification.Reply(best, chances[best], chances)), None, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name, else by status."""
        return failure(response)


def _cell(value: Scalar) -> str | float | int:
    if value is None:
        return ""
    return int(value) if isinstance(value, bool) else value


def _numbers(body: bytes) -> Sequence[float]:
    """The numbers of the first line, whatever stands between them.

    Raises: ProviderBroken.
    """
    try:
        return [float(cell) for cell in body.decode().replace(",", " ").split()]
    except (UnicodeDecodeError, ValueError):
        raise ProviderBroken(reason="the answer is not numbers in a line") from None
