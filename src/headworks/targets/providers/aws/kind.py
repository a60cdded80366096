"""The kind `aws`: one provider for all its AI services, each with its own host and signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.aws.keys import ChainedKeys, FixedKeys
from headworks.targets.providers.aws.offers import OFFERS
from headworks.targets.providers.aws.signing import Scope, Signature
from headworks.targets.providers.key_header import KeyHeader
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.options import options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, Credential, ProviderSettings


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """The region, a profile of the shared configuration files, the language of texts where a reference names none.

    `columns` and `labels` are of SageMaker endpoints that speak CSV: what they were trained with, in their order. `betas` are
    features of Anthropic's under test that callers may ask for beside those known to be harmless.
    """

    region: Annotated[str, Meta(pattern="^[a-z]{2,4}(-[a-z0-9]+)+$")]
    profile: str | None = None
    language: str = "en"
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    betas: tuple[str, ...] = ()


class Service(Struct, frozen=True):
    """The first label of a service's host, and the name its signatures carry."""

    host: str
    signing: str
    takes_bearer: bool = False


SERVICES: Mapping[str, Service] = {
    "bedrock": Service("bedrock-runtime", "bedrock", takes_bearer=True),
    "bedrock-cohere": Service("bedrock-runtime", "bedrock", takes_bearer=True),
    "bedrock-invoke": Service("bedrock-runtime", "bedrock", takes_bearer=True),
    "bedrock-titan": Service("bedrock-runtime", "bedrock", takes_bearer=True),
    "comprehend": Service("comprehend", "comprehend"),
    "rekognition": Service("rekognition", "rekognition"),
    "sagemaker": Service("runtime.sagemaker", "sagemaker"),
    "sagemaker-csv": Service("runtime.sagemaker", "sagemaker"),
    "textract": Service("textract", "textract"),
    "translate": Service("translate", "translate"),
}
"""By the first word of a reference."""
SUFFIXES: Mapping[str, str] = {"cn": "amazonaws.com.cn"}
"""The domain of a partition, by the first part of its regions' names."""


class Aws:
    """Amazon Comprehend, Rekognition, Textract, Translate, SageMaker and Bedrock."""

    name = "aws"
    options = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """The tasks a reference such as `comprehend:sentiment` can serve."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation, its region's host and the keys.

        Raises: ConfigurationRefused.
        """
        options = options_of(settings, Options)
        operation = built(OFFERS, settings, reference, task)
        service = SERVICES[reference.partition(":")[0].partition("/")[0]]
        suffix = SUFFIXES.get(options.region.partition("-")[0], "amazonaws.com")
        host = f"https://{service.host}.{options.region}.{suffix}"
        origin = origin_of(settings.base_url or host, settings.name)
        return Bound(operation, origin, _credentials(settings, service, options))


KIND = Aws()


def _credentials(settings: ProviderSettings, service: Service, options: Options) -> tuple[Credential, ...]:
    """A key with a colon signs; one without is a Bedrock API key; with no key the vendor's chain is asked.

    Source: IAM User Guide, API keys for Amazon Bedrock.
    """
    scope = Scope(service.signing, options.region)
    if not settings.keys:
        return (Signature(ChainedKeys(options.profile), scope),)
    able = [key for key in settings.keys if ":" in key.reveal() or service.takes_bearer]
    if not able:
        where = f"/providers/{settings.name}/api_key"
        raise ConfigurationRefused(
            errors=(
                FieldError(
                    where, f"{service.host} takes ACCESS_KEY_ID:SECRET_ACCESS_KEY; only Bedrock takes an API key"
                ),
            )
        )
    return tuple(Signature(FixedKeys(key), scope) if ":" in key.reveal() else KeyHeader(key) for key in able)
