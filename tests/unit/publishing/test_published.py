"""What is said of targets outside that cannot serve their versions."""

import pytest

from headworks.errors import ConfigurationRefused
from headworks.publishing.published import every_service
from headworks.settings.reading import parse_config

CONFIG = """\
providers:
  openai: {}
  mine: {api_key: k}
endpoints:
  chat:
    v1: {task: chat, targets: [openai/gpt-5-mini]}
    v2: {task: chat, targets: [mine/m]}
"""


def test_every_target_that_cannot_be_bound_is_named_with_what_is_missing():
    with pytest.raises(ConfigurationRefused) as caught:
        every_service(parse_config(CONFIG, "headworks.yaml", {}))

    assert [error.pointer for error in caught.value.errors] == [
        "/endpoints/chat/v1/targets/0",
        "/endpoints/chat/v2/targets/0",
    ]
    missing, unknown = caught.value.detail.splitlines()
    assert missing == "chat v1: openai/gpt-5-mini: providers.openai.api_key is required for kind 'openai'"
    assert "there is no kind of provider 'mine'; say `kind`, one of" in unknown
