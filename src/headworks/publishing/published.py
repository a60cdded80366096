"""What is published: each endpoint version's contract, from its task or from its models, and found again by name."""

from collections.abc import Callable, Mapping

from msgspec import structs

from headworks.assembly.parts import embedder_named, endpoint, provider_settings, wording_of, work_of
from headworks.contract import tasks
from headworks.contract.schema import Contract, JsonObject, contract_from
from headworks.contract.tasks.keeping import KEPT
from headworks.contract.version import serves
from headworks.dialects.naming import names_of
from headworks.errors import ConfigurationRefused, FieldError, ModelUnavailable, NotFound
from headworks.settings import Config, EndpointVersion
from headworks.settings.check import every_target, target_name
from headworks.targets.models.runner import Announcement
from headworks.targets.providers.keeping import kept_by
from headworks.targets.providers.kinds import bound, kind_of
from headworks.targets.providers.registry import Key
from headworks.targets.providers.wire import Bound
from headworks.values import Endpoint, Matched

STARTING = "The service is starting; its models are not ready yet."
RETRY_AFTER_S = 1.0
SEMANTIC = "/cache/semantic"


class Published:
    """Implements ports.Endpoints; replaced as a whole when models or the configuration change.

    Safe under: one thread that replaces, and any that read.
    """

    def __init__(self) -> None:
        self._all: tuple[Endpoint, ...] = ()
        self._by_id: dict[str, Endpoint] = {}
        self._by_words: dict[tuple[str, str], Endpoint] = {}
        self._names: set[str] = set()
        self._bare: dict[str, Endpoint] = {}
        self.is_known = False
        self.when_replaced: Callable[[], None] = _nothing
        """Called after what is published has changed: answers kept before are not of what answers now."""

    def of(self, matched: Matched) -> Endpoint:
        """See ports.Endpoints."""
        params = matched.params
        found = self._by_words.get((params["endpoint"], params["version"]))
        if found is None:
            return self.named(params["endpoint"], int(params["version"]))
        if "rest" in params and not found.is_http:
            raise NotFound(
                f"Nothing is below {found.name} v{found.version}; call POST /api/{found.name}/v{found.version}."
            )
        return found

    def named(self, name: str, version: int) -> Endpoint:
        """See ports.Endpoints."""
        found = self._by_id.get(f"{name}/v{version}")
        if found is not None:
            return found
        if not self.is_known:
            raise ModelUnavailable(STARTING, retry_after_s=RETRY_AFTER_S)
        if name in self._names:
            known = ", ".join(f"v{each.version}" for each in self._all if each.name == name)
            raise NotFound(f"Endpoint {name} has no v{version}; it has {known}.")
        raise NotFound(f"There is no endpoint {name}; GET /api lists them.")

    def versions(self) -> tuple[Endpoint, ...]:
        """See ports.Endpoints."""
        return self._all

    def bare(self, name: str) -> Endpoint | None:
        """See ports.Endpoints."""
        return self._bare.get(name)

    def replace(self, endpoints: tuple[Endpoint, ...]) -> None:
        """Publish these from now on."""
        self._all = endpoints
        self._by_id = {each.id: each for each in endpoints}
        self._by_words = {(each.name, str(each.version)): each for each in endpoints}
        self._names = {each.name for each in endpoints}
        self._bare = {name: each for name, each in names_of(endpoints) if "@" not in name}
        self.is_known = True
        self.when_replaced()


def _nothing() -> None:
    """Nobody else needs to know."""


def published(config: Config, announced: Mapping[str, Announcement]) -> tuple[Endpoint, ...]:
    """Every endpoint version with its contract, by name and number.

    Raises: ConfigurationRefused, naming each version whose targets cannot serve it, and why.
    """
    found, wrong = [], []
    for name, versions in sorted(config.endpoints.items()):
        for version in sorted(versions, key=lambda v: int(v[1:])):
            try:
                entry = versions[version]
                made = endpoint(config, name, version, contract_of(entry, announced, services(config, entry)))
                first = announced.get(target_name(entry.targets[0]))
                is_http, counter = first is not None and first.is_http, next(iter(counters(config, entry)), ("", ""))[0]
                found.append(_checked(structs.replace(made, is_http=is_http, counter=counter), entry))
            except ConfigurationRefused as error:
                wrong += _placed(name, version, error)
    if wrong:
        raise ConfigurationRefused("\n".join(error.message for error in wrong), errors=tuple(wrong))
    return _with_embedders(config, announced, found)


def _with_embedders(
    config: Config, announced: Mapping[str, Announcement], found: list[Endpoint]
) -> tuple[Endpoint, ...]:
    """The same endpoints; those that give answers to similar questions know what makes vectors.

    Raises: ConfigurationRefused, naming each target that makes none.
    """
    by_id, wrong = {each.id: each for each in found}, []
    for each in found:
        entry = config.endpoints[each.name][f"v{each.version}"]
        name, made = embedder_named(config, entry)
        if name is not None:
            by_id[each.id] = structs.replace(each, embedder=by_id[name])
        if made is None:
            continue
        alone = structs.replace(config, endpoints={each.name: {f"v{each.version}": made}})
        try:
            contract = contract_of(made, announced, services(config, made))
        except ConfigurationRefused as error:
            reasons = "; ".join(reason.message for reason in error.errors) or error.detail
            told = FieldError(f"{SEMANTIC}/embeddings", f"makes no vectors: {reasons}")
            wrong += _placed(each.name, f"v{each.version}", ConfigurationRefused(errors=(told,)))
            continue
        embedder = endpoint(alone, each.name, f"v{each.version}", contract)
        by_id[each.id] = structs.replace(each, embedder=embedder)
    if wrong:
        raise ConfigurationRefused("\n".join(error.message for error in wrong), errors=tuple(wrong))
    return tuple(by_id.values())


def _checked(made: Endpoint, entry: EndpointVersion) -> Endpoint:
    """The version itself, when what it says beside its targets fits its contract.

    Raises: ConfigurationRefused.
    """
    if entry.degraded is not None and (wrong := made.contract.reply.errors(entry.degraded, "/degraded")):
        raise ConfigurationRefused(errors=wrong)
    if made.is_http and (entry.cache is not None or entry.degraded is not None):
        text = "an application answers for itself: no answer of it is kept, and none is declared; remove cache and degraded"
        raise ConfigurationRefused(errors=(FieldError("/cache", text),))
    return made


def services(config: Config, entry: EndpointVersion) -> dict[Key, Bound]:
    """The operations of providers that a version names, bound to its task.

    Raises: ConfigurationRefused, naming each target that cannot serve the task, and what can.
    """
    settings, wording, found, wrong = provider_settings(config), wording_of(entry), {}, []
    for index, target in enumerate(every_target(entry)):
        if "/" not in target or entry.task is None:
            continue
        try:
            found[target, work_of(entry) or ""] = _fitting(bound(settings, target, entry.task, wording), entry.task)
        except ConfigurationRefused as error:
            wrong.append(FieldError(f"/targets/{index}", f"{target}: {_told(error)}"))
    if wording is not None and not wrong and not any(each.added_tokens for each in found.values()):
        wrong.append(FieldError("/prompt", "no target of this version serves its task by a prompt; remove the key"))
    if wrong:
        raise ConfigurationRefused(errors=tuple(wrong))
    return found


def _fitting(bound: Bound, task: str) -> Bound:
    """The operation itself; of what a provider keeps, only one that tells callers apart.

    Raises: ConfigurationRefused.
    """
    if task in KEPT and kept_by(bound.operation) is None:
        raise ConfigurationRefused(
            f"this kind of provider keeps no {task} for callers, each apart; openai and azure do"
        )
    return bound


def counters(config: Config, entry: EndpointVersion) -> dict[Key, Bound]:
    """What counts the tokens of a version's conversations: its first target, where that is outside and can; else none."""
    task, first = tasks.counting(entry.task), target_name(entry.targets[0])
    provider, _, reference = first.partition("/")
    settings = provider_settings(config)
    if task is None or not reference or task not in kind_of(settings[provider].kind).tasks(reference):
        return {}
    return {(first, task): bound(settings, first, task)}


def every_service(config: Config) -> dict[Key, Bound]:
    """The operations of providers that any version names.

    Raises: ConfigurationRefused, naming each target that cannot serve its version, and what can.
    """
    found: dict[Key, Bound] = {}
    wrong: list[FieldError] = []
    for name, versions in config.endpoints.items():
        for version, entry in versions.items():
            _, embedder = embedder_named(config, entry)
            try:
                found |= services(config, entry) | counters(config, entry)
                found |= {} if embedder is None else services(config, embedder)
            except ConfigurationRefused as error:
                wrong += _placed(name, version, error)
    if wrong:
        raise ConfigurationRefused("\n".join(error.message for error in wrong), errors=tuple(wrong))
    return found


def _placed(name: str, version: str, error: ConfigurationRefused) -> list[FieldError]:
    """What is wrong with a version, each with its place in the configuration."""
    inner = error.errors or (FieldError("", error.detail),)
    place = f"/endpoints/{name}/{version}"
    return [FieldError(place + each.pointer, f"{name} {version}: {each.message}") for each in inner]


def _told(error: ConfigurationRefused) -> str:
    """What is wrong, also where only the fields say it."""
    if not error.errors or error.detail != error.title:
        return error.detail
    return "; ".join(f"{each.pointer[1:].replace('/', '.')} {each.message}" for each in error.errors)


def contract_of(
    entry: EndpointVersion, announced: Mapping[str, Announcement], operations: Mapping[Key, Bound]
) -> Contract:
    """What a version takes and gives: its task's shapes, or what its first target announced.

    Raises: ConfigurationRefused when a target cannot serve it, saying why.
    """
    outside = {key[0]: _announced_outside(each.operation.task, each) for key, each in operations.items()}
    names = every_target(entry)
    targets = {name: outside[name] if name in outside else announced[name] for name in names}
    first = next((announced[name] for name in names if name not in outside), targets[names[0]])
    is_batch = all(each.is_batch for each in targets.values())
    if entry.task is not None and tasks.shapes(entry.task) is not None:
        return _two_shapes(entry.task, targets, first)
    is_stream = all(each.is_stream for each in targets.values())
    request, reply = (first.request, first.reply) if entry.task is None else _of_task(entry.task, first, is_stream)
    least = _least(entry.task, request)
    wrong = [each for name in targets for each in _mismatches(name, targets[name], least, reply)]
    if wrong and entry.task is not None:
        wrong.append(_instead(entry.task, announced, least, reply))
    if any(each.is_stream != is_stream for each in targets.values()):
        wrong.append(
            FieldError("/targets", "some targets stream and some do not; they would answer in different shapes")
        )
    if any(each.is_http != first.is_http for each in targets.values()):
        wrong.append(FieldError("/targets", "an application (asgi, wsgi) and a model cannot stand in for each other"))
    if wrong:
        raise ConfigurationRefused(errors=tuple(wrong))
    return contract_from(request, reply, is_batch, is_stream, first.examples)


def _two_shapes(task: str, targets: Mapping[str, Announcement], first: Announcement) -> Contract:
    """The contract of a task whose streamed answer differs from the whole one: every target can give both."""
    _check_task(task)
    request, reply = tasks.schemas(task)
    event = tasks.event_schema(task)
    wrong = [
        each
        for name, target in targets.items()
        for each in _mismatches(name, target, _least(task, request), event if target.is_stream else reply)
    ]
    if wrong:
        raise ConfigurationRefused(errors=tuple(wrong))
    return contract_from(request, reply, False, True, first.examples, event)


def _least(task: str | None, request: JsonObject) -> JsonObject:
    """The requests that a target must take: where a task is open, those of the fields it names."""
    is_open = task is not None and request.get("additionalProperties") is True
    return tasks.least_request(task) if is_open and task is not None else request


def _mismatches(name: str, target: Announcement, request: JsonObject, reply: JsonObject) -> list[FieldError]:
    return [
        FieldError(
            f"/targets/{name}",
            f"target {name} cannot serve this version: {change.side} {change.pointer or '/'}: {change.message}",
        )
        for change in serves((request, reply), (target.request, target.reply))
    ]


def _instead(task: str, announced: Mapping[str, Announcement], request: JsonObject, reply: JsonObject) -> FieldError:
    fitting = [name for name, each in announced.items() if not serves((request, reply), (each.request, each.reply))]
    return FieldError("/targets", f"own models that serve {task}: {', '.join(fitting) or 'none'}")


def _announced_outside(task: str, operation: Bound) -> Announcement:
    """What a provider's operation says of itself: the task's own shapes; each row of an array is asked for on its own."""
    _check_task(task)
    request, reply = tasks.schemas(task)
    return Announcement(
        request, reply, is_batch=task not in KEPT, is_stream=False, is_async=True, examples=tasks.examples(task),
        model_version=operation.operation.model,
    )  # fmt: skip


def _check_task(task: str) -> None:
    if task not in tasks.names():
        text = f"there is no task {task!r}; known tasks: {', '.join(tasks.names())}"
        raise ConfigurationRefused(errors=(FieldError("/task", text),))


def _of_task(task: str, first: Announcement, is_stream: bool) -> tuple[JsonObject, JsonObject]:
    """A task's schemas; where a task leaves the request open (tables), the first target's own columns."""
    _check_task(task)
    request, reply = tasks.schemas(task)
    if "properties" not in request:
        request = dict(first.request)
    return request, tasks.event_schema(task) if is_stream else reply
