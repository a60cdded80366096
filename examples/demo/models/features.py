"""What sentiment v2 sees of a text: its words and word pairs, and what the word list of v1 makes of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from .sentiment_v1 import NEUTRAL_WITHIN


def features(texts: Sequence[str], words: Any, vader: SentimentIntensityAnalyzer) -> csr_matrix:
    """One row a text, for the classifier; `words` is a fitted vectorizer."""
    verdicts = [verdict(vader, text) for text in texts]
    return hstack([words.transform(texts), csr_matrix(np.array(verdicts, np.float32))]).tocsr()


def verdict(vader: SentimentIntensityAnalyzer, text: str) -> tuple[float, ...]:
    """The word list's mood, shares of praise and blame, strength, and whether it has nothing to say."""
    scores = vader.polarity_scores(text)
    mood = scores["compound"]
    return mood, scores["pos"], scores["neg"], abs(mood), float(abs(mood) < NEUTRAL_WITHIN)
