"""The chats of the story's tests serve here too."""

from tests.story.conftest import chats

__all__ = ["chats"]
