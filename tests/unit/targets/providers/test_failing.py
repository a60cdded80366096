import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import (
    ContextTooLong,
    HeadworksError,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)
from headworks.targets.providers.failing import Told, failed, retry_after_s

NEARLY_A_DATE = re.compile(
    r"[A-Z][a-z]{2,8},? [0-9]{1,3}[ -][A-Z][a-z]{2}[ -][0-9]{1,12} [0-9:]{0,12} [-+A-Z0-9]{0,8}", re.ASCII
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ProviderBroken),
        (400, ProviderRefused),
        (401, ProviderKeyRejected),
        (404, ProviderDown),
        (408, ProviderTimeout),
        (413, ContextTooLong),
        (418, ProviderRefused),
        (429, ProviderBusy),
        (500, ProviderDown),
        (503, ProviderBusy),
        (504, ProviderTimeout),
        (599, ProviderDown),
    ],
)
def test_a_status_without_a_known_code_has_its_class(status: int, kind: type[HeadworksError]):
    assert type(failed(Told(("new_code",)), {}, status)) is kind


def test_a_code_says_more_than_the_status():
    table = {"no_money": ProviderKeyRejected, "later": ProviderBusy}

    assert type(failed(Told(("no_money", "later")), table, 429)) is ProviderKeyRejected
    assert type(failed(Told(("unheard", "later")), table, 400)) is ProviderBusy


def test_a_providers_text_is_for_the_log_and_never_where_it_may_repeat_the_key():
    told = Told(("bad",), "you sent sk-123")

    assert "sk-123" in failed(told, {}, 400).reason
    assert "sk-123" not in failed(told, {}, 401).reason
    assert "sk-123" not in failed(told, {}, 400).detail


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "2.5", "retry-after-ms": "150"}, 0.15),
        ({"x-ms-retry-after-ms": "900"}, 0.9),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9999999"}, 86_400.0),
        ({"retry-after": "Fri, 27 Nov 2026 12:00:30 GMT", "date": "Fri, 27 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Fri, 27 Nov 2026 12:00:30 GMT", "date": "Fri, 27 Nov 2026 13:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 27 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "Fri, 27 Nov 99999999999 12:00:30 GMT", "date": "Fri, 27 Nov 2026 12:00:00 GMT"}, None),
    ],
)
def test_when_to_come_back_is_read_in_every_form(headers, wait_s):
    assert retry_after_s(headers) == wait_s


@given(st.text(st.characters(codec="latin-1"), max_size=40) | st.from_regex(NEARLY_A_DATE, fullmatch=True))
def test_whatever_a_busy_provider_says_of_when_to_come_back_it_is_busy(said):
    told = failed(Told(), {}, 429, {"retry-after": said, "date": "Fri, 27 Nov 2026 12:00:00 GMT"})

    assert type(told) is ProviderBusy
    assert told.retry_after_s is None or 0 <= told.retry_after_s <= 86_400
