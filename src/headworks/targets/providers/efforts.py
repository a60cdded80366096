"""A chat's `reasoning_effort` where a vendor knows three levels of it."""

from collections.abc import Mapping

LOW_TO_HIGH: Mapping[str, str] = {
    "none": "low",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
"""By the words of OpenAI's dialect; a model that thinks always thinks least at `low`."""
