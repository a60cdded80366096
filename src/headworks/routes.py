"""Every path this service knows, who may use it and what it runs. A path that is not here does not exist."""

from headworks.values import Auth, Route

CALL = "call"
FORWARD = "forward"
FORM_BYTES = 64 * 2**10
NOT_BUILT = "not-built"

CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS = "openai.chat", "openai.completions", "openai.responses", "openai.embeddings"
MODERATIONS, IMAGES, EDITS, SPEECH = "openai.moderations", "openai.images", "openai.edits", "openai.speech"
TRANSCRIPTIONS = "openai.transcriptions"
MESSAGES, COUNT_TOKENS = "anthropic.messages", "anthropic.count"
MODELS, MODEL = "models.named", "models.one"
KEPT = "openai.kept"
INFER = "oip.infer"
OF_TENSORS = (
    INFER, "oip.server", "oip.models", "oip.model", "oip.model-ready", "oip.config", "oip.stats", "oip.index",
    "oip.load", "oip.unload",
)  # fmt: skip

_APPLICATION = "/api/{endpoint}/v{version}/{rest}"
_FORWARDED = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PLANNED = (
    ("POST", "/api/{endpoint}/v{version}/jobs"),
    ("GET", "/api/jobs/{job}"),
    ("DELETE", "/api/jobs/{job}"),
    ("POST", "/mcp"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/revoke"),
    ("POST", "/oauth/introspect"),
    ("GET", "/console"),
)


_VENDORS_CALLS = (
    ("/v1/chat/completions", CHAT),
    ("/v1/completions", COMPLETIONS),
    ("/v1/responses", RESPONSES),
    ("/v1/embeddings", EMBEDDINGS),
    ("/v1/moderations", MODERATIONS),
    ("/v1/images/generations", IMAGES),
    ("/v1/images/edits", EDITS),
    ("/v1/audio/speech", SPEECH),
    ("/v1/audio/transcriptions", TRANSCRIPTIONS),
    ("/v1/messages", MESSAGES),
    ("/v1/messages/count_tokens", COUNT_TOKENS),
)
KEPT_PATHS = {
    "files": "/v1/files",
    "batches": "/v1/batches",
    "fine-tuning": "/v1/fine_tuning/jobs",
    "stored-responses": "/v1/responses",
}
"""By task: where what a provider keeps is found."""
_ALIKE = (("create", "POST", ""), ("list", "GET", ""), ("retrieve", "GET", "/{thing}"))
KEPT_ACTS = {
    "files": (*_ALIKE, ("content", "GET", "/{thing}/content"), ("delete", "DELETE", "/{thing}")),
    "batches": (*_ALIKE, ("cancel", "POST", "/{thing}/cancel")),
    "fine-tuning": (
        *_ALIKE,
        *((act, "POST", f"/{{thing}}/{act}") for act in ("cancel", "pause", "resume")),
        *((part, "GET", f"/{{thing}}/{part}") for part in ("events", "checkpoints")),
    ),
    "stored-responses": (
        ("retrieve", "GET", "/{thing}"),
        ("delete", "DELETE", "/{thing}"),
        ("cancel", "POST", "/{thing}/cancel"),
        ("input_items", "GET", "/{thing}/input_items"),
    ),
}
"""By task: each action, its method, and its path below that."""


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
        *(Route("POST", path, Auth.KEY, operation, max_body_bytes) for path, operation in _VENDORS_CALLS),
        _read("/v1/models", Auth.KEY, MODELS),
        _read("/v1/models/{asked}", Auth.KEY, MODEL),
        *_kept(max_body_bytes),
        *_tensors(max_body_bytes),
        *(Route(method, path, Auth.KEY, NOT_BUILT, FORM_BYTES) for method, path in _PLANNED),
    )


def kept_operation(task: str, action: str) -> str:
    """What a path runs where a provider keeps things."""
    return f"{KEPT}.{task}.{action}"


def _kept(max_body_bytes: int) -> tuple[Route, ...]:
    """Files, batches and fine-tuning jobs of a provider."""
    return tuple(
        Route(method, KEPT_PATHS[task] + below, Auth.KEY, kept_operation(task, action), max_body_bytes)
        for task, acts in KEPT_ACTS.items()
        for action, method, below in acts
    )


def _tensors(max_body_bytes: int) -> tuple[Route, ...]:
    """The Open Inference Protocol."""
    models = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
    told = (("", "oip.model"), ("/ready", "oip.model-ready"), ("/config", "oip.config"))
    return (
        _read("/v2", Auth.KEY, "oip.server"),
        _read("/v2/health/live", Auth.PUBLIC, "oip.live"),
        _read("/v2/health/ready", Auth.PUBLIC, "oip.ready"),
        _read("/v2/models", Auth.KEY, "oip.models"),
        *(_read(f"{path}/stats", Auth.STATISTICS, "oip.stats") for path in ("/v2/models", *models)),
        *(_read(model + end, Auth.KEY, operation) for model in models for end, operation in told),
        *(Route("POST", f"{model}/infer", Auth.KEY, INFER, max_body_bytes) for model in models),
        Route("POST", "/v2/repository/index", Auth.KEY, "oip.index", FORM_BYTES),
        _form("/v2/repository/models/{model}/load", "oip.load"),
        _form("/v2/repository/models/{model}/unload", "oip.unload"),
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
        _read("/admin/targets", Auth.ADMIN, "targets.list"),
        _read("/admin/records", Auth.ADMIN, "records.list"),
        _read("/admin/records/usage", Auth.ADMIN, "records.usage"),
        _read("/admin/usage", Auth.ADMIN, "usage.list"),
        _form("/admin/records/erase", "records.erase"),
    )


def _read(path: str, auth: Auth, operation: str) -> Route:
    return Route("GET", path, auth, operation, 0)


def _form(path: str, operation: str) -> Route:
    return Route("POST", path, Auth.ADMIN, operation, FORM_BYTES)
