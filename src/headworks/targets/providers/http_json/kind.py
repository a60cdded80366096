"""The kind `http`: the operations that the configuration declares, at `base_url`."""

from __future__ import annotations

from headworks.contract import tasks
from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.http_json.declared import Options
from headworks.targets.providers.http_json.operation import DeclaredOperation
from headworks.targets.providers.key_header import NoKey, key_headers
from headworks.targets.providers.options import options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, ProviderSettings


class HttpJson:
    """Binds a task to a declared operation; a reference is the operation's name."""

    name = "http"
    options = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """Every task: only the configuration knows which one an operation is declared for."""
        return tasks.names() if reference else ()

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The declared operation, every expression of it checked.

        Raises: ConfigurationRefused.
        """
        options = options_of(settings, Options)
        place = f"/providers/{settings.name}"
        declared = options.operations.get(reference)
        if declared is None or declared.task != task:
            fitting = [f"{settings.name}/{name}" for name, one in options.operations.items() if one.task == task]
            message = f"{settings.name}/{reference} does not serve {task!r}; declared for it: {', '.join(fitting) or 'nothing'}"
            raise ConfigurationRefused(message, errors=(FieldError(f"{place}/operations", message),))
        if not settings.base_url:
            raise ConfigurationRefused(errors=(FieldError(f"{place}/base_url", "is required: where requests go"),))
        operation = DeclaredOperation(reference, declared, f"{place}/operations/{reference}")
        keys = key_headers(settings, options.auth.field, options.auth.prefix)
        return Bound(operation, origin_of(settings.base_url, settings.name), keys or (NoKey(),))


KIND = HttpJson()
