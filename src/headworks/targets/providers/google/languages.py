"""Languages that Cloud Translation has codes of its own for. Data only.

Source: Cloud Translation, "Language support".
"""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {
    "fr-ca": "fr-CA",
    "mni-mtei": "mni-Mtei",
    "ms-arab": "ms-Arab",
    "nb": "no",
    "nb-no": "no",
    "pa-arab": "pa-Arab",
    "pt-br": "pt-BR",
    "pt-pt": "pt-PT",
    "zh": "zh-CN",
    "zh-cn": "zh-CN",
    "zh-hans": "zh-CN",
    "zh-hans-cn": "zh-CN",
    "zh-hant": "zh-TW",
    "zh-hant-tw": "zh-TW",
    "zh-hk": "zh-TW",
    "zh-tw": "zh-TW",
}
"""Tags in small letters; of others the service knows the language only."""
