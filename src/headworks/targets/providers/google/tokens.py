"""What proves to Google who we are: an access token that google-auth mints.

google-auth is loaded when a provider of this kind is configured without keys, never before.
Source: RFC 7523 for service accounts; Google Cloud, "Application Default Credentials".
"""

from __future__ import annotations

from datetime import UTC
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, build_opener
from urllib.request import Request as UrlRequest

from msgspec.structs import replace

from headworks.errors import ConfigurationRefused, ProviderKeyRejected, ProviderUnreachable
from headworks.targets.providers.wire import HttpRequest, Origin

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
STALE_BEFORE_NS = 5 * 60 * 10**9
MINTING_TIMEOUT_S = 10.0
MOST_TOKEN_BYTES = 2**20


class AccessToken:
    """Tokens of a service account's key file, or of the vendor's default credentials where no file is named."""

    def __init__(self, file: str | None) -> None:
        _google_auth()
        self._file = file
        self._source: Any = None

    def __repr__(self) -> str:
        return "AccessToken(•••)"

    def is_fresh(self, wall_ns: int) -> bool:
        """Whether there is a token with five minutes left."""
        if self._source is None or not self._source.token:
            return False
        ends = self._source.expiry
        return ends is None or int(ends.replace(tzinfo=UTC).timestamp()) * 10**9 - STALE_BEFORE_NS > wall_ns

    def refresh(self, wall_ns: int) -> None:
        """Mint a token.

        Raises: ProviderKeyRejected, ProviderUnreachable.
        """
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            if self._source is None:
                self._source = self._loaded()
            self._source.refresh(_fetch)
        except TransportError as error:
            raise ProviderUnreachable(reason=f"token: {type(error).__name__}") from None
        except (GoogleAuthError, OSError, ValueError) as error:
            raise ProviderKeyRejected(reason=f"token: {type(error).__name__}") from None

    def signed(self, request: HttpRequest, origin: Origin, wall_ns: int) -> HttpRequest:
        """The request with the token.

        Raises: ProviderKeyRejected when none was minted.
        """
        if self._source is None or not self._source.token:
            raise ProviderKeyRejected(reason="no token was minted")
        headers = [*request.headers, ("authorization", f"Bearer {self._source.token}")]
        project = getattr(self._source, "quota_project_id", None)
        if project:
            headers.append(("x-goog-user-project", project))
        return replace(request, headers=tuple(headers))

    def _loaded(self) -> Any:
        if self._file is not None:
            from google.oauth2.service_account import Credentials

            return Credentials.from_service_account_file(self._file, scopes=SCOPES)
        from google.auth import default

        return default(scopes=SCOPES)[0]


class _Fetched:
    """A response in the form google-auth reads."""

    def __init__(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.status = status
        self.headers = headers
        self.data = data


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **named: Any) -> None:
        """A token endpoint does not move."""


def _fetch(
    url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None, **named: Any
) -> _Fetched:
    """One exchange with a token endpoint: bounded in time and size, no redirects.

    Raises: google-auth's TransportError.
    """
    from google.auth.exceptions import TransportError

    if not url.startswith(("https://", "http://")):
        raise TransportError("not a web address")
    asked = UrlRequest(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310  # checked above
    try:
        with build_opener(_NoRedirects).open(asked, timeout=MINTING_TIMEOUT_S) as answer:
            return _Fetched(answer.status, dict(answer.headers), answer.read(MOST_TOKEN_BYTES))
    except HTTPError as refused:
        return _Fetched(refused.code, dict(refused.headers), refused.read(MOST_TOKEN_BYTES))
    except (URLError, OSError) as error:
        raise TransportError(type(error).__name__) from None


def _google_auth() -> None:
    """Load the library.

    Raises: ConfigurationRefused when the extra is not installed.
    """
    try:
        import google.auth  # noqa: F401
    except ImportError:
        raise ConfigurationRefused(
            "Google's access tokens need google-auth: pip install 'headworks[google]'."
        ) from None
