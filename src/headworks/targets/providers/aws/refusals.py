"""What errors of AWS services mean to us, by their names: the status tells too little, throttling is often a 400.

Source: the service models and retry tables that botocore ships; tests hold this table against both.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from headworks.errors import (
    ContextTooLong,
    HeadworksError,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
)
from headworks.targets.providers.failing import retry_after_s
from headworks.targets.providers.wire import HttpResponse

_NAMES: Mapping[type[HeadworksError], str] = {
    ProviderKeyRejected: """
        AccessDeniedException ExpiredToken ExpiredTokenException IncompleteSignature IncompleteSignatureException
        InvalidAccessKeyId InvalidClientTokenId InvalidSignatureException MissingAuthenticationToken
        MissingAuthenticationTokenException NotAuthorized OptInRequired RequestExpired SignatureDoesNotMatch
        SubscriptionRequiredException UnauthorizedException UnrecognizedClientException
    """,
    ProviderBusy: """
        BandwidthLimitExceeded EC2ThrottledException HumanLoopQuotaExceededException LimitExceededException
        ModelNotReadyException PriorRequestNotComplete ProvisionedThroughputExceededException RequestLimitExceeded
        RequestThrottled RequestThrottledException ResourceNotReadyException ResourceUnavailableException
        ServiceQuotaExceededException ServiceUnavailable ServiceUnavailableException SlowDown ThrottledException
        Throttling ThrottlingException TooManyRequestsException TransactionInProgressException
    """,
    ProviderDown: """
        InternalDependencyException InternalError InternalFailure InternalServerError InternalServerException
        InternalStreamFailure ModelError ModelErrorException ModelStreamError ModelStreamErrorException
    """,
    ProviderTimeout: "ModelTimeoutException RequestTimeout RequestTimeoutException",
    ProviderError: "ResourceNotFoundException UnknownOperationException",
    ContextTooLong: """
        DocumentTooLargeException ImageTooLargeException RequestEntityTooLargeException TextSizeLimitExceededException
    """,
    ProviderRefused: """
        BadDocumentException InvalidParameterException InvalidParameterValueException InvalidRequestException
        InvalidS3ObjectException SerializationException ValidationError ValidationException
    """,
    ProviderUnable: """
        DetectedLanguageLowConfidenceException InvalidImageFormatException UnsupportedDocumentException
        UnsupportedLanguageException UnsupportedLanguagePairException
    """,
}
BY_NAME: Mapping[str, type[HeadworksError]] = {name: kind for kind, names in _NAMES.items() for name in names.split()}
BY_STATUS: Mapping[int, type[HeadworksError]] = {
    401: ProviderKeyRejected,
    403: ProviderKeyRejected,
    404: ProviderError,
    408: ProviderTimeout,
    413: ContextTooLong,
    424: ProviderDown,
    429: ProviderBusy,
    503: ProviderBusy,
    504: ProviderTimeout,
}


class _Body(Struct, frozen=True, rename={"kind": "__type"}):
    kind: str = ""
    code: str = ""
    message: str = ""
    Message: str = ""


_decode = msgspec.json.Decoder(_Body).decode


def failure(response: HttpResponse) -> HeadworksError:
    """What a response outside 2xx means."""
    body = _body(response.body)
    name = response.headers.get("x-amzn-errortype") or body.kind or body.code
    return named(name, body.message or body.Message, response.status, retry_after_s(response.headers))


def named(name: str, message: str, status: int = 0, wait_s: float | None = None) -> HeadworksError:
    """What an error means by its name, `namespace#Name:more`; by its status where the name is new.

    What is said of a refused signature repeats the request's headers, session token included: it is dropped.
    """
    bare = name.partition(":")[0].rpartition("#")[2]
    otherwise = ProviderDown if status >= 500 or status == 0 else ProviderRefused
    kind = BY_NAME.get(bare) or BY_STATUS.get(status, otherwise)
    text = "" if kind is ProviderKeyRejected else message[:200]
    return kind(reason=f"{status} {bare[:80]}: {text}", retry_after_s=wait_s)


def message_of(body: bytes) -> str:
    """What an error's body says, for the log."""
    said = _body(body)
    return said.message or said.Message


def _body(body: bytes) -> _Body:
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Body()
