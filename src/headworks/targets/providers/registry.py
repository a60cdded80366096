"""Every configured operation of a provider as a target, by name and work."""

from collections.abc import Mapping

from headworks.errors import ModelUnavailable
from headworks.values import Target

Key = tuple[str, str]
"""A target as the configuration writes it, such as `openai/gpt-5-mini`, and what it serves: a task, in an endpoint's own wording where it has one."""


class Providers:
    """The targets outside, found by name and work.

    Safe under: one thread; `replace` swaps all at once.
    """

    def __init__(self) -> None:
        self._targets: Mapping[Key, Target] = {}

    def replace(self, targets: Mapping[Key, Target]) -> None:
        """These are the targets from now on."""
        self._targets = targets

    def find(self, name: str, work: str | None) -> Target:
        """The target.

        Raises: ModelUnavailable.
        """
        found = self._targets.get((name, work or ""))
        if found is None:
            raise ModelUnavailable(f"Target {name} is not configured for this task.")
        return found
