from prometheus_client.parser import text_string_to_metric_families

from headworks.identity.key_text import redact
from headworks.units import RequestId
from headworks.watch.logs import Logs
from headworks.watch.metrics import Metrics
from headworks.watch.watch import LoggedWatch
from tests.fakes_keys import FakeClock
from tests.unit.watch.entries import make_entry
from tests.unit.watch.test_logs import FakeSink


def test_calls_and_failures_are_counted_and_logged():
    sink = FakeSink()
    watch = LoggedWatch(Metrics(), Logs(sink, redact, FakeClock()))
    watch.ended(make_entry())
    watch.failed(RequestId("01r"), RuntimeError("oh"))
    page = watch.page()
    watch.flush()
    families = {family.name: family for family in text_string_to_metric_families(page.decode())}

    assert {line["event"] for line in sink.lines} == {"call", "failure"}
    assert families["headworks_failures"].samples[0].value == 1
    assert families["headworks_requests"].samples[0].value == 1
