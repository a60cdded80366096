"""`model` names an endpoint: `chat` its only or default version, `chat@v1` that one."""

import re
from collections.abc import Iterable

from headworks.errors import NotFound
from headworks.ports import Endpoints
from headworks.values import Endpoint

_MODEL = re.compile(r"([A-Za-z0-9_-]{1,64})(?:@v([1-9][0-9]{0,8}))?")
_UNKNOWN = "No endpoint has this name, or not this version; GET /v1/models lists what you may use."


def endpoint_named(model: str, endpoints: Endpoints) -> Endpoint:
    """The endpoint that a `model` names.

    Raises: NotFound; ModelUnavailable while the service starts.
    """
    standing = endpoints.bare(model)
    if standing is not None:
        return standing
    found = _MODEL.fullmatch(model)
    if found is None:
        raise NotFound(_UNKNOWN)
    name, version = found.groups()
    if version is not None:
        return endpoints.named(name, int(version))
    several = f"{name} has several versions and none is the default; name one, such as {name}@v1."
    raise NotFound(several if any(each.name == name for each in endpoints.versions()) else _UNKNOWN)


def answers_bare(versions: Iterable[Endpoint]) -> Endpoint | None:
    """Which of an endpoint's versions its bare name means: the only one, else the default one."""
    several = list(versions)
    if len(several) == 1:
        return several[0]
    return next((each for each in several if each.is_default), None)


def names_of(endpoints: Iterable[Endpoint]) -> list[tuple[str, Endpoint]]:
    """Every name by which these versions can be asked for, the bare ones first of each endpoint."""
    by_name: dict[str, list[Endpoint]] = {}
    for each in endpoints:
        by_name.setdefault(each.name, []).append(each)
    named: list[tuple[str, Endpoint]] = []
    for name, versions in by_name.items():
        bare = answers_bare(versions)
        if bare is not None:
            named.append((name, bare))
        named += [(f"{name}@v{each.version}", each) for each in versions]
    return named
