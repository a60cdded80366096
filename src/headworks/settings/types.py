"""What a configuration may say: frozen, bounded types. Unknown keys are refused.

Durations (`800ms`), sizes (`16MiB`) and rates (`50/s`) are text here; `check.py` proves that each can be read.
"""

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from headworks.settings.money import BudgetConfig, Price
from headworks.settings.providers import ProviderConfig
from headworks.settings.units import Duration, RateText, Size

NEGATIONS = ("no", "not", "n't", "cannot", "never", "none", "without")
MODEL_KINDS = ("python", "onnx", "skops", "sklearn", "xgboost", "lightgbm", "asgi", "wsgi")


class TlsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Certificate chain and private key, PEM files, their paths counted from the configuration's folder; TLS 1.3 only."""

    cert: str
    key: str


class CorsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Web origins whose pages may call this service from a browser."""

    origins: tuple[str, ...] = ()
    max_age: Duration = "10m"


class ServerConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens and what it bounds."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    hosts: tuple[str, ...] = ()
    max_body: Size = "16MiB"
    max_connections: Annotated[int, Meta(ge=1, le=100_000)] = 4096
    max_connections_per_peer: Annotated[int, Meta(ge=1, le=100_000)] = 1024
    head_timeout: Duration = "10s"
    request_timeout: Duration = "30s"
    idle_timeout: Duration = "75s"
    drain_timeout: Duration = "20s"


class KeysConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a key that names none of its own."""

    prefix: Annotated[str, Meta(pattern="^[a-z][a-z0-9]{0,11}$")] = "hw"
    environment: Annotated[str, Meta(pattern="^[a-z][a-z0-9]{0,11}$")] = "live"
    rate: RateText | None = None
    concurrency: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    expires: Duration = "90d"


class RecordsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """How calls are recorded: `process` survives kill -9, `power` a power cut too; `key_file` counts from the configuration's folder."""

    durable: Literal["process", "power"] = "process"
    retention: Duration = "183d"
    max_disk: Size = "50GiB"
    key_file: str | None = None
    replay_for: Duration = "1d"


class LogsConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged, as JSON lines on standard error."""

    calls: bool = True


class BatchConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """How many rows one dispatch may hold, and how long a free worker waits for more by a timer (0: none)."""

    max_size: Annotated[int, Meta(ge=1, le=4096)] = 32
    max_wait: Duration = "0ms"


class ModelConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """One own model: exactly one of python, onnx, skops, sklearn, xgboost, lightgbm, asgi, wsgi says what it is."""

    python: str | None = None
    onnx: str | None = None
    skops: str | None = None
    sklearn: str | None = None
    xgboost: str | None = None
    lightgbm: str | None = None
    asgi: str | None = None
    wsgi: str | None = None
    replicas: Annotated[int, Meta(ge=1, le=64)] = 1
    batch: BatchConfig = BatchConfig()
    hard_timeout: Duration = "10s"
    start_timeout: Duration = "5m"
    max_requests: Annotated[int, Meta(ge=1)] | None = None
    max_rss: Size | None = None
    queue: Annotated[int, Meta(ge=1, le=1_000_000)] = 2048
    retry: bool = True
    env: dict[str, str] = {}
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    unsafe: bool = False
    trusted: tuple[str, ...] = ()
    options: dict[str, Any] = {}

    @property
    def kind(self) -> str:
        """The one kind this model is of; "" when none or several are named."""
        named = [kind for kind in MODEL_KINDS if getattr(self, kind) is not None]
        return named[0] if len(named) == 1 else ""


class WeightedTarget(Struct, frozen=True, forbid_unknown_fields=True):
    """One target and its share of the calls."""

    target: str
    weight: Annotated[int, Meta(ge=0, le=1_000_000)]


class SemanticConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a similar last turn of a chat (or input of `generate`) is given again where all else of the call is the same.

    `embeddings` names what makes the vectors: an endpoint (`vectors`, `vectors@v1`), an own model or a provider's target. `threshold`
    is the least cosine; questions longer than `longest` characters, or that differ in a number or in one of the words of `apart`,
    are never alike. A vector may take `timeout`, and a quarter of what time is left. `entries` are kept of calls alike but for the question.
    """

    embeddings: str
    threshold: Annotated[float, Meta(ge=0.8, le=1)] = 0.95
    timeout: Duration = "500ms"
    longest: Annotated[int, Meta(ge=1, le=4000)] = 500
    entries: Annotated[int, Meta(ge=1, le=1000)] = 1000
    apart: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=500)] = NEGATIONS


class CacheConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The same call by the same caller (or tenant) is given the same answer, `fresh` long; `stale` longer if nothing answers.

    `Cache-Control` of a call counts: no-store, no-cache, max-age.
    """

    fresh: Duration
    stale: Duration = "0s"
    semantic: SemanticConfig | bool = False


class OutlierConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """When a target that shares its calls with others (`balance: load`, or weights) is asked last for a while: it does much worse.

    It is judged by `least_calls` within `window`, against at least `least_targets` less itself that had as many. Its share of
    failures must exceed theirs by `worse_by` and by `deviations` standard deviations; or it takes `slower` times as long as they,
    where that is said. Of all targets at most the part `most_out` is out at a time, `out_for` long, twice as long each time, up to `longest`.
    """

    least_calls: Annotated[int, Meta(ge=5, le=10_000)] = 20
    least_targets: Annotated[int, Meta(ge=2, le=100)] = 2
    window: Duration = "30s"
    worse_by: Annotated[float, Meta(gt=0, le=1)] = 0.2
    deviations: Annotated[float, Meta(ge=1, le=10)] = 3.0
    slower: Annotated[float, Meta(gt=1, le=1000)] | None = None
    most_out: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    out_for: Duration = "30s"
    longest: Duration = "5m"


class FallbackConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The target that may still take what another refused: for its length, or by its content policy."""

    context_length: str | None = None
    content_policy: str | None = None


Label = Annotated[str, Meta(min_length=1, max_length=100)]
Meaning = Annotated[str, Meta(max_length=1000)]


class PromptConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """What language models are told where they serve a task other than chat by a prompt; targets of other kinds do not read it.

    `labels` are the classes, groups of entities or categories, as a list or each with what it means; `language` is what is
    written in; `threshold` the score from which on something counts; `about` says what the texts are.
    """

    labels: (
        Annotated[tuple[Label, ...], Meta(max_length=200)] | Annotated[dict[Label, Meaning], Meta(max_length=200)]
    ) = ()
    language: Annotated[str, Meta(pattern="^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,6}$")] | None = None
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    about: Annotated[str, Meta(min_length=1, max_length=4000)] | None = None


class EndpointVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """One published version: what answers it, and its policy. Without `timeout` a call has 10 s, a chat 120 s."""

    targets: tuple[str | WeightedTarget, ...]
    task: str | None = None
    timeout: Duration | None = None
    rate: RateText | None = None
    tokens: RateText | None = None
    concurrency: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    max_body: Size | None = None
    max_output: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    record: Literal["full", "digest", "none"] = "full"
    reason: str | None = None
    retention: Duration | None = None
    deprecated: date | None = None
    sunset: date | None = None
    default: bool = False
    risk: Literal["minimal", "limited", "high"] | None = None
    shadow: tuple[str, ...] = ()
    balance: Literal["order", "load"] = "order"
    outliers: OutlierConfig | bool = True
    cache: CacheConfig | None = None
    degraded: Any = None
    fallback: FallbackConfig = FallbackConfig()
    on_disconnect: Literal["cancel", "finish"] = "cancel"
    prompt: PromptConfig | None = None


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole configuration."""

    models: dict[str, ModelConfig] = {}
    providers: dict[str, ProviderConfig] = {}
    endpoints: dict[str, dict[str, EndpointVersion]] = {}
    budgets: dict[str, BudgetConfig] = {}
    prices: dict[str, Price] = {}
    server: ServerConfig = ServerConfig()
    tls: TlsConfig | None = None
    cors: CorsConfig = CorsConfig()
    keys: KeysConfig = KeysConfig()
    records: RecordsConfig = RecordsConfig()
    logs: LogsConfig = LogsConfig()
