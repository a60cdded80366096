"""The kind `aws`: one provider for all its AI services, each with its own host and signature."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from headworks.errors import ConfigurationRefused
from headworks.targets.providers.aws.offers import OFFERS
from headworks.targets.providers.aws.signing import BearerKey, ChainedKeys, FixedKeys, Keys, Scope, Signature
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, Credential, Origin, ProviderSettings

OPTIONS = frozenset({"region", "profile", "language"})


class Service(Struct, frozen=True):
    """The first label of a service's host, and the name its signatures carry."""

    host: str
    signing: str
    takes_bearer: bool = False


SERVICES: Mapping[str, Service] = {
    "bedrock": Service("bedrock-runtime", "bedrock", takes_bearer=True),
    "comprehend": Service("comprehend", "comprehend"),
    "rekognition": Service("rekognition", "rekognition"),
    "sagemaker": Service("runtime.sagemaker", "sagemaker"),
    "textract": Service("textract", "textract"),
    "translate": Service("translate", "translate"),
}
SUFFIXES: Mapping[str, str] = {"cn": "amazonaws.com.cn"}
"""The domain of a partition, by the first part of its regions' names."""


class Aws:
    """Amazon Comprehend, Rekognition, Textract, Translate, SageMaker and Bedrock."""

    name = "aws"

    def tasks(self, reference: str) -> tuple[str, ...]:
        """The tasks a reference such as `comprehend:sentiment` can serve."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation, its region's host and the keys.

        Raises: ConfigurationRefused.
        """
        unknown = sorted(settings.options.keys() - OPTIONS)
        if unknown:
            raise ConfigurationRefused(
                f"providers.{settings.name} has no option {unknown[0]}: {', '.join(sorted(OPTIONS))}."
            )
        operation = built(OFFERS, settings, reference, task)
        region = settings.options.get("region")
        if not isinstance(region, str) or not region.replace("-", "").isalnum():
            raise ConfigurationRefused(
                f"providers.{settings.name}.region is missing: the AWS region, such as eu-west-1."
            )
        service = SERVICES[reference.partition(":")[0].partition("/")[0]]
        return Bound(operation, _origin(settings, service, region), _credentials(settings, service, region))


KIND = Aws()


def _origin(settings: ProviderSettings, service: Service, region: str) -> Origin:
    if settings.base_url:
        return origin_of(settings.base_url, settings.name)
    suffix = SUFFIXES.get(region.partition("-")[0], "amazonaws.com")
    return Origin("https", f"{service.host}.{region}.{suffix}", 443)


def _credentials(settings: ProviderSettings, service: Service, region: str) -> tuple[Credential, ...]:
    """A key with a colon signs; one without is a Bedrock API key; with no key the vendor's chain is asked."""
    scope = Scope(service.signing, region)
    if not settings.keys:
        keys: Keys = ChainedKeys(settings.options.get("profile"))
        return (Signature(keys, scope),)
    able = [key for key in settings.keys if ":" in key.reveal() or service.takes_bearer]
    if not able:
        raise ConfigurationRefused(
            f"providers.{settings.name}: {service.host} takes ACCESS_KEY_ID:SECRET, only Bedrock an API key."
        )
    return tuple(Signature(FixedKeys(key), scope) if ":" in key.reveal() else BearerKey(key) for key in able)
