"""Trains sentiment v2 on the labelled texts of the VADER paper, and measures it beside v1."""

import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import skops.io
from examples.demo.models.features import features
from examples.demo.models.sentiment_v1 import shares_of
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

LABELS = ("positive", "neutral", "negative")
FILES = ("tweets", "amazonReviewSnippets", "movieReviewSnippets")
# Judges rated each text from -4 to 4; nearer to zero than this is called neutral.
NEUTRAL_WITHIN = 0.5

Texts = NDArray[np.str_]


def labelled_texts(corpus: Path) -> tuple[Texts, Texts]:
    """The texts and their labels."""
    texts, labels = [], []
    with tarfile.open(corpus) as archive:
        for name in FILES:
            found = archive.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            for line in found.read().decode("latin-1").splitlines() if found else ():
                _, rating, text = line.split("\t", 2)
                texts.append(text)
                labels.append(label_of(float(rating)))
    return np.array(texts), np.array(labels)


def label_of(rating: float) -> str:
    """The label of a mean rating."""
    if abs(rating) < NEUTRAL_WITHIN:
        return "neutral"
    return "positive" if rating > 0 else "negative"


def train(corpus: Path, to: Path) -> dict[str, float]:
    """Fit, save as a skops file, and return measures on the fifth of the texts that was kept back."""
    texts, labels = labelled_texts(corpus)
    train_x, test_x, train_y, test_y = train_test_split(texts, labels, test_size=0.2, random_state=0, stratify=labels)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, dtype=np.float32)
    words.fit(train_x)
    vader = SentimentIntensityAnalyzer()
    model = LogisticRegression(C=3, max_iter=300, class_weight="balanced")
    model.fit(features(train_x, words, vader), train_y)
    skops.io.dump([words, model], to)

    shares = [shares_of(vader.polarity_scores(text)) for text in test_x]
    by_vader = [max(share, key=share.__getitem__) for share in shares]
    scores = {"texts": float(len(texts))}
    return (
        scores
        | measures("v1", test_y, by_vader)
        | measures("v2", test_y, model.predict(features(test_x, words, vader)))
    )


def measures(version: str, truth: Sequence[str] | Texts, answers: Sequence[str] | Texts) -> dict[str, float]:
    """Share of right answers, and F1 averaged over the three labels."""
    right = float(np.mean(np.asarray(truth) == np.asarray(answers)))
    f1 = float(f1_score(truth, answers, labels=LABELS, average="macro"))
    return {f"{version} accuracy": right, f"{version} macro F1": f1}
