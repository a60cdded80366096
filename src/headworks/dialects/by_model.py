"""Dialects whose requests name the endpoint as `model`."""

from headworks.dialects.naming import endpoint_named
from headworks.dialects.openai.body import model_of
from headworks.ports import Endpoints
from headworks.values import Endpoint, Matched, RawRequest


class ByModel:
    """How such a dialect finds its endpoint; see ports.Dialect."""

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """See ports.Dialect."""
        return endpoint_named(model_of(raw), endpoints)
