"""The tone of a text by counting words; it can be killed in the middle of a call, and then stays away."""

import os
import signal
from pathlib import Path

import headworks
from headworks.tasks import text_classification as tc

GONE = Path(__file__).with_name("gone")


class Mood(headworks.Model):
    def load(self) -> None:
        if GONE.exists():
            raise RuntimeError("it was killed and is not to come back")

    def predict(self, row: tc.Request) -> list[tc.Label]:
        if "die" in row.inputs:
            GONE.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        score = 0.75 if "good" in row.inputs else 0.25
        return [tc.Label("positive", score), tc.Label("negative", 1 - score)]
