"""Who decides what is published: at the start, before a swap, around a reload; what would break callers is refused."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from headworks.assembly.changes import changed_parts
from headworks.assembly.deployment import Deployment, read_deployment
from headworks.assembly.parts import model_settings, waiting_for_restart
from headworks.contract.lock import read_lock, refuse_breaks
from headworks.contract.version import changes
from headworks.errors import ConfigurationRefused, FieldError, NotFound
from headworks.publishing.published import Published, published
from headworks.targets.models.runner import Announcement, Source
from headworks.values import Endpoint

Services = Callable[[Deployment], Callable[[], None]]
"""Makes ready what a configuration says beside its models and endpoints, and gives what puts that to use.

Raises: ConfigurationRefused; nothing has changed then.
"""


class Publisher:
    """Decides what is published: at the start, before a swap, after a reload. What would break callers is refused."""

    def __init__(self, deployment: Deployment, published: Published, services: Services) -> None:
        self._started = deployment.config
        self._deployment = deployment
        self._published = published
        self._services = services
        self._use = self._used = _nothing
        self._former: tuple[Deployment, Callable[[], None]] | None = None
        """What to go back to while a reload is under way."""
        self._announced: dict[str, Announcement] = {}

    def open(self) -> None:
        """Put the services to use that the configuration names.

        Raises: ConfigurationRefused.
        """
        self._use = self._services(self._deployment)
        self._apply()

    def publish(self, announced: Mapping[str, Announcement]) -> None:
        """Publish what these models serve.

        Raises: ConfigurationRefused, for a target that cannot serve its endpoint or a break of the lock.
        """
        endpoints = published(self._deployment.config, announced)
        refuse_breaks(read_lock(self._deployment.lock_path), endpoints)
        self._announced = dict(announced)
        self._published.replace(endpoints)

    def accept(self, name: str, announcement: Announcement) -> None:
        """Let a new version of a model take over, and publish what it says of itself.

        Raises: ConfigurationRefused, when it would break a published version; everything stays as it was.
        """
        announced = {**self._announced, name: announcement}
        endpoints = published(self._deployment.config, announced)
        wrong = _breaks(self._published.versions(), {each.id: each for each in endpoints})
        if wrong:
            text = f"Model {name} would break what is published: " + "; ".join(error.message for error in wrong)
            raise ConfigurationRefused(text, errors=wrong)
        refuse_breaks(read_lock(self._deployment.lock_path), endpoints)
        self._announced = announced
        self._apply()
        self._published.replace(endpoints)

    def source(self, name: str, reference: str) -> Source:
        """Another reference of a model's kind, resolved like the configured one.

        Raises: NotFound.
        """
        model = self._deployment.config.models.get(name)
        if model is None:
            raise NotFound(f"There is no model {name}.")
        changed = structs.replace(model, **{model.kind: reference})
        return model_settings(name, changed, self._deployment.path.parent).source

    def read(self) -> Deployment:
        """The configuration as it stands in its file now.

        Raises: ConfigurationRefused. Safe under: any thread, and best not the loop's: it asks files and secret managers.
        """
        return read_deployment(self._deployment.path, self._deployment.lock_path.parent)

    def take(self, deployment: Deployment) -> dict[str, Source]:
        """The sources of all models by what was read, which counts from here on; `adopt` or `revert` follows.

        Raises: ConfigurationRefused, when it is wrong, changes which models there are or how their pools run, breaks a
        published version or takes one away, or while another reload is under way; everything stays as it was.
        """
        if self._former is not None:
            raise ConfigurationRefused("A reload is under way.")
        _check_models(self._deployment, deployment)
        endpoints = published(deployment.config, self._announced)
        self._check_versions(deployment, endpoints)
        use = self._services(deployment)
        self._former = self._deployment, self._use
        self._deployment, self._use = deployment, use
        return {settings.name: settings.source for settings in deployment.models()}

    def adopt(self) -> None:
        """Publish what the configuration says since `take`, now that every model has taken over."""
        endpoints = published(self._deployment.config, self._announced)
        self._former = None
        self._apply()
        self._published.replace(endpoints)

    def changed(self, deployment: Deployment) -> list[str]:
        """What was read says otherwise than what counts now, by name."""
        return changed_parts(self._deployment.config, deployment.config)

    def waiting(self) -> list[str]:
        """The fields of the configuration, as it is now, that wait for a restart."""
        return waiting_for_restart(self._started, self._deployment.config)

    def revert(self) -> None:
        """Go back to the configuration before `take`: a model that it names did not take over."""
        if self._former is None:
            return
        (self._deployment, self._use), self._former = self._former, None
        self._apply()
        self._published.replace(published(self._deployment.config, self._announced))

    def _apply(self) -> None:
        """Put the services to use that belong to the configuration; together with what is published then."""
        if self._use is not self._used:
            self._use()
            self._used = self._use

    def _check_versions(self, deployment: Deployment, endpoints: tuple[Endpoint, ...]) -> None:
        now = {each.id: each for each in endpoints}
        gone = sorted(each.id for each in self._published.versions() if each.id not in now)
        if gone:
            raise ConfigurationRefused(f"{', '.join(gone)} would be gone; taking a version away takes a restart.")
        wrong = _breaks(self._published.versions(), now)
        if wrong:
            text = "What is published would break: " + "; ".join(error.message for error in wrong)
            raise ConfigurationRefused(text, errors=wrong)
        refuse_breaks(read_lock(deployment.lock_path), endpoints)


def _breaks(before: Iterable[Endpoint], now: Mapping[str, Endpoint]) -> tuple[FieldError, ...]:
    """What callers of the versions before could no longer rely on."""
    return tuple(
        FieldError(f"/{old.id}{change.pointer}", f"{old.id}: {change.side} {change.pointer or '/'}: {change.message}")
        for old in before
        for change in changes(old.contract, now[old.id].contract)
    )


def _check_models(old: Deployment, new: Deployment) -> None:
    if new.config.models.keys() != old.config.models.keys():
        raise ConfigurationRefused("Models were added or removed; that takes a restart.")
    changed = _pools_changed(old, new)
    if changed:
        raise ConfigurationRefused(
            f"More than the source changed of {', '.join(changed)} (workers, bounds, times); that takes a restart."
        )


def _pools_changed(old: Deployment, new: Deployment) -> list[str]:
    """The models whose pools would have to be made anew; a source alone is swapped."""
    before = {settings.name: settings for settings in old.models()}
    pairs = [(before[settings.name], settings) for settings in new.models()]
    return [now.name for was, now in pairs if structs.replace(was, source=now.source) != now]


def _nothing() -> None:
    """No service is in use yet."""
