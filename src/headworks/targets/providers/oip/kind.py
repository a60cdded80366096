"""The kind `oip`: references are `MODEL` or `MODEL/VERSION`."""

from __future__ import annotations

from headworks.contract import tasks
from headworks.contract.tensors.signature import Signature, signature_from
from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.key_header import NoKey, key_headers
from headworks.targets.providers.oip.infer import Infer
from headworks.targets.providers.oip.settings import Options
from headworks.targets.providers.options import named, options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, ProviderSettings


class OpenInference:
    """Binds a task to a model of an inference server."""

    name = "oip"
    options = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """Every task that is not told in events: whether a model's tensors fit is known when it answers."""
        return tuple(name for name in tasks.names() if tasks.shapes(name) is None) if reference else ()

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation and where it goes.

        Raises: ConfigurationRefused.
        """
        options = options_of(settings, Options)
        model, _, version = named(reference, settings).partition("/")
        if task not in self.tasks(reference):
            raise ConfigurationRefused(f"{settings.name}/{reference} cannot serve {task}: the protocol has no events.")
        if not settings.base_url:
            where = f"/providers/{settings.name}/base_url"
            raise ConfigurationRefused(errors=(FieldError(where, "is required for kind oip: where the server is"),))
        operation = Infer(task=task, model=model, version=version, signature=_signature(task), options=options)
        return Bound(operation, origin_of(settings.base_url, settings.name), key_headers(settings) or (NoKey(),))


KIND = OpenInference()


def _signature(task: str) -> Signature:
    request, reply = tasks.schemas(task)
    return signature_from(request, reply, is_batch=False)
