"""How targets outside fare, as metrics: a name that serves in several ways is one line."""

from msgspec import Struct

from headworks.assembly.watching import watch_outside
from headworks.watch.metrics import Metrics


class Faring(Struct):
    name: str
    sent: int
    running: int
    failed: dict
    keys_rejected: int = 0
    is_set_aside: bool = False


class Watch:
    def __init__(self):
        self.metrics = Metrics()


def test_one_target_in_two_wordings_is_one_line_of_each_metric():
    watch = Watch()
    states = [
        Faring("up/m", 2, 1, {"provider_busy": 1}, 1, True),
        Faring("up/m", 3, 1, {"provider_busy": 2, "provider_down": 1}, 1),
        Faring("up/n", 1, 0, {}),
    ]
    watch_outside(watch, lambda: states)
    lines = watch.metrics.page().decode().splitlines()
    told = [line for line in lines if "headworks_target_" in line and not line.startswith("#")]

    assert len({line.rpartition(" ")[0] for line in told}) == len(told)
    assert {
        'headworks_target_attempts_total{target="up/m"} 5',
        'headworks_target_failed_total{target="up/m",code="provider_busy"} 3',
        'headworks_target_keys_rejected_total{target="up/m"} 1',
        'headworks_target_set_aside{target="up/m"} 1',
    } <= {line.replace(".0", "") for line in told}
