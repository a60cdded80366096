"""What the vendors' clients say to our own chats, whichever vendor's they are."""

import pydantic
import pytest

HI = [{"role": "user", "content": "Hi there"}]
EVERY_CHAT = pytest.mark.parametrize("model", ["chat@v1", "chat@v2"], ids=["a model that streams", "one that does not"])


class Place(pydantic.BaseModel):
    """What a structured answer is to be."""

    city: str
    size: int


def client_made(vendor, address, key, **more):
    """A vendor's client of its own class, unchanged but for where it calls; it tries nothing again by itself."""
    return vendor(base_url=address, **{"api_key": key, "max_retries": 0, **more})
