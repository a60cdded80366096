"""Quantities as the configuration writes them; `check.py` proves that each can be read."""

from typing import Annotated

from msgspec import Meta

Duration = Annotated[str, Meta(description="A duration: 800ms, 10s, 5m, 1h, 30d", extra={"unit": "duration"})]
Size = Annotated[str, Meta(description="A size: 64KiB, 16MiB, 1GiB", extra={"unit": "size"})]
RateText = Annotated[str, Meta(description="A rate: 50/s, 1000/m, 10/h, 5/d", extra={"unit": "rate"})]
Money = Annotated[str, Meta(description="An amount of money: 10 USD, 0.05 USD", extra={"unit": "money"})]
