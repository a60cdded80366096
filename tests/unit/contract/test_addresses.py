"""Nothing that a request names by an address is visited, whatever vendor's form the request has."""

import pytest

from headworks.contract.tasks.addresses import FINDERS, refuse_addresses
from headworks.errors import SchemaViolation

METADATA = "http://169.254.169.254/"
PICTURE = {"type": "image", "source": {"type": "url", "url": METADATA}}
INLINE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}


@pytest.mark.parametrize(
    ("task", "document", "pointer"),
    [
        ("messages", {"mcp_servers": [{"type": "url", "url": METADATA}]}, "/mcp_servers"),
        ("messages", {"messages": [{"content": [INLINE, PICTURE]}]}, "/messages/0/content/1/source/type"),
        (
            "messages",
            {"messages": [{"content": "Hi"}, {"content": [{"type": "tool_result", "content": [PICTURE]}]}]},
            "/messages/1/content/0/content/0/source/type",
        ),
        ("responses", {"tools": [{"type": "mcp", "server_url": METADATA}]}, "/tools/0/server_url"),
        ("responses", {"input": [{"content": [{"image_url": METADATA}]}]}, "/input/0/content/0/image_url"),
        ("responses", {"input": [{"content": [{"image_url": {"url": METADATA}}]}]}, "/input/0/content/0/image_url"),
        ("responses", {"input": [{"output": [{"file_url": METADATA}]}]}, "/input/0/output/0/file_url"),
        ("responses", {"input": [{"output": {"image_url": METADATA}}]}, "/input/0/output/image_url"),
        (
            "responses",
            {"tools": [{"input_image_mask": {"image_url": METADATA}}]},
            "/tools/0/input_image_mask/image_url",
        ),
    ],
)
def test_an_address_is_refused_by_its_place(task, document, pointer):
    with pytest.raises(SchemaViolation) as caught:
        refuse_addresses(task, document)

    assert [error.pointer for error in caught.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("task", "document"),
    [
        ("messages", {"messages": [{"content": [INLINE, "text", 3]}, {"content": "http://named.only/"}]}),
        ("responses", {"input": "http://named.only/", "tools": [{"type": "function", "name": "f"}]}),
        ("responses", {"input": [{"content": [{"image_url": "data:image/png;base64,AA=="}]}, "x"]}),
    ],
)
def test_what_is_within_the_request_and_what_is_only_said_passes(task, document):
    refuse_addresses(task, document)

    assert task in FINDERS


def test_of_very_many_addresses_a_few_are_named():
    with pytest.raises(SchemaViolation) as caught:
        refuse_addresses("responses", {"tools": [{"server_url": METADATA}] * 1000})

    assert len(caught.value.errors) == 10
