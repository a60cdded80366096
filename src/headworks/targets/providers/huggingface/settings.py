"""The settings of kind `huggingface`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from headworks.targets.providers.options import options_of
from headworks.targets.providers.wire import ProviderSettings


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """Names for the labels of models whose own say nothing: `{LABEL_0: negative, LABEL_1: positive}`."""

    labels: dict[str, str] = {}


def labels_of(settings: ProviderSettings) -> Mapping[str, str]:
    """What labels are called.

    Raises: ConfigurationRefused.
    """
    return options_of(settings, Options).labels
