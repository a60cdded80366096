"""What OpenAI's models on Azure serve, task by task; a reference is the name of a deployment."""

from __future__ import annotations

from headworks.targets.providers.azure.settings import resource_of, server_of
from headworks.targets.providers.offers import Offer
from headworks.targets.providers.openai.offers import KEEPING, MAKERS, Maker
from headworks.targets.providers.wire import Operation, ProviderSettings

ON_AZURE = ("chat", "embeddings")


def _offer(task: str, make: Maker) -> Offer:
    def build(deployment: str, settings: ProviderSettings) -> Operation:
        return make(deployment, server_of(settings, deployment))

    service = "POST /openai/v1/... or /openai/deployments/DEPLOYMENT/..."
    return Offer(
        "", task, service, "as at OpenAI; a filter's verdict on the input is left out", build, own="DEPLOYMENT"
    )


def _keeping_offer(task: str) -> Offer:
    path, make = KEEPING[task]
    service = f"/openai/v1{path} or /openai{path}"
    return Offer(
        task, task, service, "as at OpenAI, of the whole resource", lambda _, settings: make(resource_of(settings))
    )


OFFERS = (*(_offer(task, MAKERS[task]) for task in ON_AZURE), *map(_keeping_offer, KEEPING))
