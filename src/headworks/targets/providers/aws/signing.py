"""What proves to AWS who we are: Signature Version 4, made by botocore's signer at the time that we say.

Source: AWS General Reference, Signature Version 4.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from headworks.targets.providers.aws.keys import Keys
from headworks.targets.providers.origins import authority_of
from headworks.targets.providers.wire import HttpRequest, Origin


class Scope(Struct, frozen=True):
    """What a signature is good for."""

    service: str
    region: str


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
