import pytest

from headworks.watch.health import Health, ModelState


class Service:
    """A service whose parts can be switched off."""

    def __init__(self, **models):
        self.is_recording = True
        self.models = models
        self.is_published = True
        self.health = Health(lambda: self.is_recording, self.states, lambda: self.is_published)

    def states(self):
        return [ModelState(name, up) for name, up in self.models.items()]

    def ready(self):
        status, document = self.health.ready()
        return status, document.status


@pytest.fixture
def service():
    return Service(a=True, b=True)


def test_a_service_whose_record_and_models_work_is_ready(service):
    assert service.ready() == (200, "ready")


def test_a_service_is_starting_until_every_model_was_ready_once():
    service = Service(a=True, b=False)
    assert service.ready() == (503, "starting")
    service.models.update(a=False, b=True)

    assert service.ready() == (200, "ready")


def test_a_service_is_starting_until_its_endpoints_are_published(service):
    service.is_published = False
    assert service.ready() == (503, "starting")
    service.is_published = True

    assert service.ready() == (200, "ready")


def test_a_model_that_fails_later_shows_in_the_document_only(service):
    service.ready()
    service.models["b"] = False
    status, document = service.health.ready()

    assert status == 200
    assert {name: model.status for name, model in document.models.items()} == {"a": "ready", "b": "failing"}


def test_without_a_record_nothing_is_ready_until_it_is_back(service):
    service.ready()
    service.is_recording = False
    assert service.ready() == (503, "not_ready")
    service.is_recording = True

    assert service.ready() == (200, "ready")


def test_a_model_added_later_must_warm_up_and_one_removed_does_not_count(service):
    service.ready()
    service.models["c"] = False
    assert service.ready() == (503, "starting")
    del service.models["c"]

    assert service.ready() == (200, "ready")


def test_a_draining_service_takes_no_new_calls_and_lives(service):
    service.health.drain()

    assert service.ready() == (503, "draining")
    assert service.health.live().status == "live"


def test_a_service_without_models_is_ready():
    assert Service().ready() == (200, "ready")


def test_the_document_names_each_thing_that_is_waited_for():
    service = Service(a=True, b=False, c=False)
    service.is_published = service.is_recording = False
    first = service.health.ready()[1].waiting_for
    service.is_recording = True
    service.models.update(b=True, c=True)
    second = service.health.ready()[1].waiting_for
    service.is_published = True

    assert (first, second) == (("record", "model b", "model c"), ("endpoints",))
    assert service.health.ready()[1].waiting_for == ()
