"""What proves to AWS who we are: Signature Version 4 by botocore's signer and credential chain.

botocore is loaded when a provider of this kind is configured, never before.
Source: AWS General Reference, Signature Version 4.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from headworks.errors import ConfigurationRefused, ProviderKeyRejected, ProviderUnreachable
from headworks.secret import Secret
from headworks.targets.providers.origins import authority_of
from headworks.targets.providers.wire import HttpRequest, Origin

STALE_BEFORE_S = 600


class Scope(Struct, frozen=True):
    """What a signature is good for."""

    service: str
    region: str


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


class Signature:
    """Signs requests for one service in one region."""

    def __init__(self, keys: Keys, scope: Scope) -> None:
        self._keys = keys
        self._scope = scope

    def __repr__(self) -> str:
        return f"Signature({self._scope.service}, {self._scope.region})"

    def is_fresh(self, wall_ns: int) -> bool:
        """Whether the keys can be used now."""
        return self._keys.is_fresh()

    def refresh(self, wall_ns: int) -> None:
        """Get keys.

        Raises: ProviderKeyRejected, ProviderUnreachable.
        """
        self._keys.refresh()

    def signed(self, request: HttpRequest, origin: Origin, wall_ns: int) -> HttpRequest:
        """The request with date, token and signature.

        Cost: about 100 µs; the signer is the vendor's, the time ours.
        """
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        keys = self._keys.current()
        stamp = datetime.fromtimestamp(wall_ns // 10**9, UTC).strftime("%Y%m%dT%H%M%SZ")
        added = [("x-amz-date", stamp)]
        if keys.token:
            added.append(("x-amz-security-token", keys.token))
        headers = dict((*request.headers, *added))
        url = f"{origin.scheme}://{authority_of(origin)}{origin.path}{request.path}"
        signer = SigV4Auth(keys, self._scope.service, self._scope.region)
        unsigned = AWSRequest(method=request.method, url=url, headers=headers, data=request.body)
        unsigned.context["timestamp"] = stamp
        signature = signer.signature(signer.string_to_sign(unsigned, signer.canonical_request(unsigned)), unsigned)
        names = signer.signed_headers(signer.headers_to_sign(unsigned))
        proof = f"AWS4-HMAC-SHA256 Credential={signer.scope(unsigned)}, SignedHeaders={names}, Signature={signature}"
        return replace(request, headers=(*request.headers, *added, ("authorization", proof)))


def botocore() -> None:
    """Load the signer.

    Raises: ConfigurationRefused when the extra is not installed.
    """
    try:
        import botocore.auth  # noqa: F401
    except ImportError:
        raise ConfigurationRefused("Providers of kind aws need botocore: pip install 'headworks[aws]'.") from None
