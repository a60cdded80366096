"""Every path this service knows, who may use it and what it runs. A path that is not here does not exist."""

from headworks.values import Auth, Route

CALL = "call"
FORWARD = "forward"
FORM_BYTES = 64 * 2**10
NOT_BUILT = "not-built"

_APPLICATION = "/api/{endpoint}/v{version}/{rest}"
_FORWARDED = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PLANNED = (
    ("POST", "/api/{endpoint}/v{version}/jobs"),
    ("GET", "/api/jobs/{job}"),
    ("DELETE", "/api/jobs/{job}"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/responses"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/moderations"),
    ("POST", "/v1/messages"),
    ("GET", "/v1/models"),
    ("GET", "/v2"),
    ("GET", "/v2/models/{model}"),
    ("POST", "/v2/models/{model}/infer"),
    ("POST", "/mcp"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/revoke"),
    ("POST", "/oauth/introspect"),
    ("GET", "/console"),
)


def table(max_body_bytes: int, *, is_loopback: bool) -> tuple[Route, ...]:
    """The routes; metrics are open to this machine alone, and only on a server bound to loopback."""
    metrics = Auth.LOCAL if is_loopback else Auth.ADMIN
    return (
        Route("POST", "/api/{endpoint}/v{version}", Auth.KEY, CALL, max_body_bytes),
        *(Route(method, _APPLICATION, Auth.KEY, FORWARD, max_body_bytes) for method in _FORWARDED),
        _read("/api", Auth.KEY, "catalogue.list"),
        _read("/api/{endpoint}/v{version}", Auth.KEY, "catalogue.show"),
        _read("/openapi.json", Auth.KEY, "catalogue.openapi"),
        _read("/docs", Auth.KEY, "docs.page"),
        _read("/docs/docs.css", Auth.PUBLIC, "docs.style"),
        _read("/docs/docs.js", Auth.PUBLIC, "docs.script"),
        _read("/health/live", Auth.PUBLIC, "health.live"),
        _read("/health/ready", Auth.PUBLIC, "health.ready"),
        _read("/metrics", metrics, "metrics"),
        *_admin(),
        *(Route(method, path, Auth.KEY, NOT_BUILT, FORM_BYTES) for method, path in _PLANNED),
    )


def _admin() -> tuple[Route, ...]:
    return (
        _read("/admin/keys", Auth.ADMIN, "keys.list"),
        _form("/admin/keys", "keys.create"),
        _form("/admin/keys/rotate", "keys.rotate"),
        _form("/admin/keys/revoke", "keys.revoke"),
        _form("/admin/keys/exchange", "keys.exchange"),
        _read("/admin/models", Auth.ADMIN, "models.list"),
        _form("/admin/models/swap", "models.swap"),
        _form("/admin/models/reload", "models.reload"),
        _read("/admin/records", Auth.ADMIN, "records.list"),
        _read("/admin/records/usage", Auth.ADMIN, "records.usage"),
    )


def _read(path: str, auth: Auth, operation: str) -> Route:
    return Route("GET", path, auth, operation, 0)


def _form(path: str, operation: str) -> Route:
    return Route("POST", path, Auth.ADMIN, operation, FORM_BYTES)
