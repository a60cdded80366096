"""The chances of words as Gemini tells them, and as the task does. Source: Gemini API, `LogprobsResult`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Word(Struct, frozen=True, rename="camel"):
    """A word and the logarithm of its chance."""

    token: str = ""
    log_probability: float = 0.0

    def told(self) -> dict[str, Any]:
        """The same as the task tells it."""
        return {"token": self.token, "logprob": self.log_probability, "bytes": list(self.token.encode())}


class Likeliest(Struct, frozen=True):
    """The words that were likeliest at one place."""

    candidates: list[Word] = []


class Logprobs(Struct, frozen=True, rename="camel"):
    """The words that were chosen, and beside each the likeliest ones where they were asked for."""

    chosen_candidates: list[Word] = []
    top_candidates: list[Likeliest] = []

    def told(self) -> list[dict[str, Any]]:
        """The same as the task tells them."""
        likeliest = [*self.top_candidates, *[Likeliest()] * len(self.chosen_candidates)]
        return [
            {**word.told(), "top_logprobs": [other.told() for other in beside.candidates]}
            for word, beside in zip(self.chosen_candidates, likeliest, strict=False)
        ]
