"""Every refusal and failure Headworks can answer with, as one tree.

HeadworksError
├── CallerError                     the call as sent cannot be served
│   ├── Malformed              400  request bytes break HTTP or our guards
│   │   ├── HostRefused        421
│   │   ├── HeadTooLarge       431
│   │   ├── UriTooLong         414
│   │   └── ReceiveTimeout     408
│   ├── NotJson                400
│   ├── Unauthenticated        401
│   ├── BudgetExhausted        402
│   ├── PriceUnknown           402
│   ├── Forbidden              403
│   ├── NotFound               404
│   ├── MethodNotAllowed       405
│   ├── NotAcceptable          406
│   ├── IdempotencyRunning     409
│   ├── IdempotencySpent       409
│   ├── VersionGone            410
│   ├── BodyTooLarge           413
│   ├── UnsupportedMedia       415
│   ├── SchemaViolation        422
│   ├── IdempotencyMismatch    422
│   ├── RateLimited            429
│   ├── ConcurrencyExceeded    429
│   ├── ProviderRefused        400  the provider takes no such input; no other target is tried
│   │   ├── ProviderUnable     400  this provider lacks what is asked; the next target is asked
│   │   ├── ContextTooLong     400  a target with a longer context may take it
│   │   └── ContentRefused     400  against the provider's content policy
│   ├── ClientGone             499  never sent: nobody is left to read it
│   └── NotBuilt               501
├── TargetError                     what should have answered did not
│   ├── ContractViolation      502
│   ├── ModelError             502
│   ├── ModelCrashed           502
│   ├── ModelUnavailable       503
│   ├── DeadlineExceeded       504
│   └── ProviderError          502  a third-party service failed
│       ├── ProviderKeyRejected 502  our credential, not the caller's
│       ├── ProviderUnreachable 502  no byte of the request was sent
│       ├── ProviderUnavailable 503  set aside after failures, so not asked
│       ├── ProviderDown       502
│       ├── ProviderBroken     502  its answer cannot be understood or ends too early
│       ├── ProviderBusy       503
│       └── ProviderTimeout    504
├── Overloaded                 503  shed before work was done
├── Draining                   503
├── RecordUnavailable          503
├── HomeUnavailable                 start-up only: the home is locked or unreadable
├── BadControl                      command line only: the running owner of a home refused
├── ConfigurationRefused            start-up only: says where and how to fix
└── Internal                   500

`status`, `code`, `title` and `retryable` are facts of the class. `detail` is for the caller and never
carries text of a model, a provider or another caller; `reason` is for the log only.
"""

from msgspec import Struct


class FieldError(Struct, frozen=True, gc=False):
    """One field that is wrong: where it is (RFC 6901 pointer) and what would be right."""

    pointer: str
    message: str


class HeadworksError(Exception):
    """Root of everything Headworks raises on purpose."""

    status: int = 500
    code: str = "internal"
    title: str = "Internal error"
    retryable: bool = False

    def __init__(
        self,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: float | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        reason: str = "",
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.headers = headers
        self.reason = reason


class Internal(HeadworksError):
    """Something failed that has no name of its own; the log knows more."""


class CallerError(HeadworksError):
    """The call, as sent, cannot be served; sending it again unchanged will not help."""

    status, code, title = 400, "bad_request", "Bad request"


class Malformed(CallerError):
    """The bytes break HTTP/1.1, our guards or the shape of a message."""

    status, code, title = 400, "malformed_request", "Malformed request"


class HostRefused(Malformed):
    """The Host header is missing, doubled, malformed or not one of ours."""

    status, code, title = 421, "host_refused", "Host not served here"


class HeadTooLarge(Malformed):
    """The request's head exceeds the bound on bytes or on fields."""

    status, code, title = 431, "head_too_large", "Request header fields too large"


class UriTooLong(Malformed):
    """The request target exceeds its bound."""

    status, code, title = 414, "uri_too_long", "Request target too long"


class ReceiveTimeout(Malformed):
    """The request did not arrive whole within its time."""

    status, code, title = 408, "receive_timeout", "Request not received in time"


class NotJson(CallerError):
    """The body is not one JSON document (RFC 8259), or holds what we refuse: duplicate keys, NaN, excess depth."""

    status, code, title = 400, "not_json", "Body is not acceptable JSON"


class Unauthenticated(CallerError):
    """No valid key came with the call; the text never says which part was wrong."""

    status, code, title = 401, "unauthenticated", "A valid API key is required"


class Forbidden(CallerError):
    """The caller is known but may not do this."""

    status, code, title = 403, "forbidden", "Not allowed for this key"


class NotFound(CallerError):
    """No such path, endpoint, version or thing."""

    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(CallerError):
    """The path exists, the method does not."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class NotAcceptable(CallerError):
    """None of the media types the caller accepts can be produced."""

    status, code, title = 406, "not_acceptable", "No acceptable media type"


class IdempotencyRunning(CallerError):
    """The first call with this Idempotency-Key has not finished."""

    status, code, title, retryable = 409, "idempotency_running", "First call with this key still runs", True


class IdempotencySpent(CallerError):
    """The first call with this Idempotency-Key ended, but its answer cannot be given again."""

    status, code, title = 409, "idempotency_spent", "First call's answer cannot be given again; use a new key"


class VersionGone(CallerError):
    """The version is past its sunset."""

    status, code, title = 410, "version_gone", "Version is past its sunset"


class BodyTooLarge(CallerError):
    """The body, as sent or unpacked, exceeds its bound."""

    status, code, title = 413, "body_too_large", "Body too large"


class UnsupportedMedia(CallerError):
    """The body's media type or coding is not one this endpoint reads."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class SchemaViolation(CallerError):
    """The body is JSON but breaks the endpoint's published schema."""

    status, code, title = 422, "schema_violation", "Input does not match the schema"


class IdempotencyMismatch(CallerError):
    """The Idempotency-Key was used before for another request: another body, query, media type, path or subject."""

    status, code, title = 422, "idempotency_mismatch", "Idempotency-Key was used for another request"


class RateLimited(CallerError):
    """The caller's or the endpoint's rate is used up."""

    status, code, title, retryable = 429, "rate_limited", "Rate limit exceeded", True


class ConcurrencyExceeded(CallerError):
    """Too many calls run at once for this caller or endpoint."""

    status, code, title, retryable = 429, "concurrency_exceeded", "Too many calls at once", True


class BudgetExhausted(CallerError):
    """A budget of the caller, the endpoint or the tenant does not hold what this call may cost."""

    status, code, title = 402, "budget_exhausted", "Budget exhausted"


class PriceUnknown(CallerError):
    """A budget applies, and what the target costs is not known."""

    status, code, title = 402, "price_unknown", "Price of the target is not known"


class ProviderRefused(CallerError):
    """The provider takes no such input; sending it again, there or elsewhere, would fail again and cost again."""

    status, code, title = 400, "provider_refused", "The provider refuses this input"


class ProviderUnable(ProviderRefused):
    """The provider lacks what is asked for (a language, a format, a feature); the next target may have it."""

    status, code, title = 400, "provider_unable", "The provider lacks what is asked for"


class ContextTooLong(ProviderRefused):
    """The input is longer than the provider's model reads."""

    status, code, title = 400, "context_length_exceeded", "Input is longer than the model reads"


class ContentRefused(ProviderRefused):
    """The input or the answer is against the provider's content policy."""

    status, code, title = 400, "content_policy", "Refused by the provider's content policy"


class ClientGone(CallerError):
    """The caller went away before the answer; recorded, never sent."""

    status, code, title = 499, "client_gone", "Client closed the connection"


class NotBuilt(CallerError):
    """The path or feature is planned and answers nothing yet."""

    status, code, title = 501, "not_built", "Not available in this version"


class TargetError(HeadworksError):
    """The target failed; another target may serve the call."""

    status, code, title, retryable = 502, "target_error", "Target failed", True


class ContractViolation(TargetError):
    """The target's output breaks the endpoint's published schema."""

    status, code, title = 502, "contract_violation", "Output does not match the contract"


class ModelError(TargetError):
    """The model raised; its own text is in the log only."""

    status, code, title = 502, "model_error", "Model failed on this input"


class ModelCrashed(TargetError):
    """The worker process ended while this call was running."""

    status, code, title = 502, "model_crashed", "Model process ended during the call"


class ModelUnavailable(TargetError):
    """No worker of the model is ready."""

    status, code, title = 503, "model_unavailable", "Model is not ready"


class DeadlineExceeded(TargetError):
    """The call's deadline passed before an answer."""

    status, code, title = 504, "deadline_exceeded", "Deadline exceeded"


class ProviderError(TargetError):
    """A third-party service failed; its own text is in the log only."""

    status, code, title = 502, "provider_error", "Provider failed"


class ProviderKeyRejected(ProviderError):
    """The provider takes our credential no longer, or not for this."""

    status, code, title, retryable = 502, "provider_key_rejected", "Provider refused the service's credential", False


class ProviderUnreachable(ProviderError):
    """No connection came about, so no byte of the request was sent and it may be sent again."""

    status, code, title = 502, "provider_unreachable", "Provider cannot be reached"


class ProviderUnavailable(ProviderError):
    """The provider failed of late and is set aside for a while, so it was not asked at all."""

    status, code, title = 503, "provider_unavailable", "Provider is set aside after failures"


class ProviderDown(ProviderError):
    """The provider failed on its side, or the connection broke after bytes were sent."""

    status, code, title = 502, "provider_down", "Provider failed on its side"


class ProviderBroken(ProviderError):
    """The provider's answer cannot be understood, or ended before it was whole."""

    status, code, title = 502, "provider_broken", "Provider's answer is not whole"


class ProviderBusy(ProviderError):
    """The provider refused for load or for its own rate; `retry_after_s` where it said when."""

    status, code, title = 503, "provider_busy", "Provider is busy"


class ProviderTimeout(ProviderError):
    """The provider did not answer, or not further, within one of the attempt's times."""

    status, code, title = 504, "provider_timeout", "Provider did not answer in time"


class Overloaded(HeadworksError):
    """The call was shed: it could not be answered within its deadline, or a queue is full."""

    status, code, title, retryable = 503, "overloaded", "Overloaded", True


class Draining(HeadworksError):
    """The server is stopping and takes no new calls."""

    status, code, title, retryable = 503, "draining", "Server is shutting down", True


class RecordUnavailable(HeadworksError):
    """The record cannot be written, so nothing may be answered."""

    status, code, title, retryable = 503, "record_unavailable", "Record cannot be written", True


class ConfigurationRefused(HeadworksError):
    """The configuration is wrong; `errors` name each place and its fix."""

    code, title = "configuration_refused", "Configuration refused"


class HomeUnavailable(HeadworksError):
    """The home directory cannot be used: locked by another front, unreadable or of a newer version."""

    code, title = "home_unavailable", "Home directory unavailable"


class BadControl(HeadworksError):
    """The running owner of a home refused a command, or could not be reached; `reason` is the refusal's code."""

    code, title = "control_refused", "Command refused"
