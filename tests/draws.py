"""What property tests draw: the same for the same code where a change is judged (CI), something new each time where one is made."""

import hypothesis

SAME, NEW = "same draws", "new draws"
_UNSET = {"", "0", "false"}


def profile_of(environment):
    """The profile for a run: a rare draw found in CI would refuse a change that has nothing to do with it."""
    return NEW if environment.get("CI", "").lower() in _UNSET else SAME


def register():
    """Make both profiles known; how fast the machine is proves nothing in either."""
    told = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow], "print_blob": True}
    default = hypothesis.settings.get_profile("default")
    hypothesis.settings.register_profile(NEW, parent=default, **told)
    hypothesis.settings.register_profile(SAME, parent=default, derandomize=True, database=None, **told)
