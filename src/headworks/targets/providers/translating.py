"""Languages of a translation: the caller's, the configured one, or a refusal that says what to send."""

from __future__ import annotations

from collections.abc import Mapping

from headworks.errors import FieldError, ProviderUnable
from headworks.targets.providers.asked import Asked


def target_language(row: Asked, otherwise: str) -> str:
    """The language to translate into.

    Raises: ProviderUnable when neither the caller nor the configuration names one.
    """
    language = row.wanted.tgt_lang or otherwise
    if not language:
        raise ProviderUnable(errors=(FieldError("/parameters/tgt_lang", "must name the language to translate into"),))
    return language


def service_language(tag: str, known: Mapping[str, str]) -> str:
    """A service's own code of a language tag (BCP 47): as listed, else the language without its region and script."""
    return known.get(tag.lower()) or tag.partition("-")[0].lower()
