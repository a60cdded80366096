"""Where the keys of signatures come from: the configuration, or AWS's standard chain as botocore follows it.

botocore is loaded when a provider of this kind is configured, never before.
Source: AWS SDKs and Tools Reference, "Standardized credential providers".
"""

from __future__ import annotations

from typing import Any, Protocol

from headworks.errors import ConfigurationRefused, ProviderKeyRejected, ProviderUnreachable
from headworks.secret import Secret

STALE_BEFORE_S = 600


class Keys(Protocol):
    """Where a signer's keys come from."""

    def is_fresh(self) -> bool:
        """Whether `current` can be called without refreshing first."""

    def refresh(self) -> None:
        """Get keys; may read files and the network."""

    def current(self) -> Any:
        """Access key, secret key and token, as botocore holds them."""


class FixedKeys:
    """Keys from the configuration, `ACCESS_KEY_ID:SECRET` or with a third part, the session token."""

    def __init__(self, text: Secret) -> None:
        botocore()
        from botocore.credentials import ReadOnlyCredentials

        parts = text.reveal().split(":")
        if len(parts) not in {2, 3} or not all(parts):
            raise ConfigurationRefused(
                "An AWS key is written ACCESS_KEY_ID:SECRET_ACCESS_KEY, a session token after one more colon."
            )
        self._keys = ReadOnlyCredentials(parts[0], parts[1], parts[2] if len(parts) == 3 else None)

    def is_fresh(self) -> bool:
        """Always: they are what was configured."""
        return True

    def refresh(self) -> None:
        """Nothing to do."""

    def current(self) -> Any:
        """The configured keys."""
        return self._keys


class ChainedKeys:
    """Keys by the vendor's standard chain: environment, shared files, web identity, container, instance."""

    def __init__(self, profile: str | None) -> None:
        botocore()
        self._profile = profile
        self._source: Any = None
        self._keys: Any = None

    def is_fresh(self) -> bool:
        """Whether keys are there and do not end within ten minutes."""
        if self._keys is None:
            return False
        ends = getattr(self._source, "refresh_needed", None)
        return ends is None or not ends(refresh_in=STALE_BEFORE_S)

    def refresh(self) -> None:
        """Ask the chain.

        Raises: ProviderKeyRejected when it has no keys or they were refused, ProviderUnreachable.
        """
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
        from botocore.session import Session

        try:
            if self._source is None:
                self._source = Session(profile=self._profile).get_credentials()
            self._keys = self._source.get_frozen_credentials() if self._source is not None else None
        except HTTPClientError as error:
            raise ProviderUnreachable(reason=f"credentials: {type(error).__name__}") from None
        except (BotoCoreError, ClientError) as error:
            raise ProviderKeyRejected(reason=f"credentials: {type(error).__name__}") from None
        if self._keys is None:
            raise ProviderKeyRejected(reason="the credential chain has no keys")

    def current(self) -> Any:
        """The keys of the last refresh.

        Raises: ProviderKeyRejected when there was none.
        """
        if self._keys is None:
            raise ProviderKeyRejected(reason="keys were never loaded")
        return self._keys


def botocore() -> None:
    """Load the signer.

    Raises: ConfigurationRefused when the extra is not installed.
    """
    try:
        import botocore.auth  # noqa: F401
    except ImportError:
        raise ConfigurationRefused("Providers of kind aws need botocore: pip install 'headworks[aws]'.") from None
