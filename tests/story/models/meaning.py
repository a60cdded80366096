"""Vectors by rule: how often each letter stands in a text, so that nearly the same words lie nearly in one direction."""

import time
from string import ascii_lowercase

import headworks
from headworks.tasks import embeddings


def vector_of(text: str) -> list[float]:
    """Not all zeros for any text with a letter in it."""
    return [float(text.lower().count(letter)) for letter in ascii_lowercase]


class Letters(headworks.Model):
    """Answers at once; hangs on a text that says so, and gives no direction, fewer dimensions or nothing for others."""

    def predict(self, request: embeddings.Request) -> embeddings.Reply:
        text = str(request.input)
        if "hang" in text:
            time.sleep(5)
        if "raise" in text:
            raise ValueError("secret-of-the-model")
        vector = [0.0] * 26 if "zeros" in text else vector_of(text)[: 3 if "short" in text else 26]
        data = [embeddings.Embedding("embedding", 0, vector)]
        return embeddings.Reply("list", data, "letters", embeddings.Spent(1, 1))
