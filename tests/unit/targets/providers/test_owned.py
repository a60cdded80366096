"""A provider's things, each caller's apart: what is asked, in which order, and what a lost or lying answer leads to."""

import base64

import pytest
from msgspec import json, structs

from headworks.belongings import Bounds
from headworks.contract import tasks
from headworks.errors import (
    CallerError,
    ClientGone,
    NotFound,
    PriceUnknown,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderRefused,
    SchemaViolation,
)
from headworks.pending import Pending
from headworks.records.owing import SqliteOwing
from headworks.records.spending import Spending
from headworks.stores.belongings import SqliteBelongings
from headworks.targets.providers.batches import Batches, Books
from headworks.targets.providers.breaker import BreakerSettings
from headworks.targets.providers.guarded import Guarded
from headworks.targets.providers.health import Health
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.files import files
from headworks.targets.providers.openai.jobs import batches, tuning
from headworks.targets.providers.owned import Owned, Register
from headworks.targets.providers.retry import RetryPolicy
from headworks.targets.providers.target import ProviderTarget, TargetPolicy
from headworks.values import Auth, Caller, Payload
from tests.fakes_providers import QUICK, FakeWorld, Opened, Refuses, Resets, Says, Tells, bound, busy, make_call
from tests.fakes_store import OneConnection

EAGER = TargetPolicy(QUICK, RetryPolicy(attempts=3, resends_unsure=True))
FILE = {"id": "file-1", "object": "file", "filename": "a", "bytes": 1, "purpose": "batch"}
BATCH = {"id": "batch_1", "object": "batch", "output_file_id": None, "error_file_id": None}
JOB = {"id": "ftjob-1", "object": "fine_tuning.job", "result_files": [], "fine_tuned_model": None}
UPLOAD = {"action": "create", "purpose": "batch", "filename": "a.jsonl"}
BEGIN = {"action": "create", "body": {"input_file_id": "file-1", "endpoint": "/v1/x", "completion_window": "24h"}}
TUNE = {"action": "create", "body": {"model": "m", "training_file": "file-1"}}
LINE = b'{"custom_id": "1", "body": {"model": "m"}}\n'


def says(document, status=200):
    return Says(status, json.encode(document))


class Slow:
    """A store whose writes become durable when the test says so."""

    def __init__(self, store):
        self._store, self.waiting = store, []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def keep(self, things, *, may_drop=False, also=None):
        pending = Pending()
        self.waiting.append(lambda: pending.resolve(self._store.keep(things, may_drop=may_drop, also=also).result()))
        return pending


class AnyModel:
    """Every caller may use every model but `refused` and trained ones; `chat` stands for `m`."""

    refused = frozenset()

    def named(self, place, caller, name):
        return {"chat": "m"}.get(name, name if self.may_use(place, caller, name) else None)

    def may_use(self, place, caller, model):
        return not model.startswith("ft:") and model not in self.refused


class House(FakeWorld):
    """The three targets of one account, asked by callers of one's choice."""

    def __init__(self):
        super().__init__()
        self.known = SqliteBelongings(OneConnection(), self.clock, Bounds(each=5))
        self.known.prepare()
        self.models = AnyModel()
        Spending().create(self.known._file.connection)
        self.owing = SqliteOwing(self.known._file, self.clock)
        self.owing.prepare()
        self.register = Register(self.known, lambda key_id: key_id, lambda subject: subject.encode())
        self.opened = Opened(self.client)

    def slow_file(self):
        """What is written of batches from now on becomes durable when the test says so: each call of what is returned."""
        file, waiting = self.owing._file, []

        class Later:
            read = file.read

            def write(self, job):
                pending = Pending()
                waiting.append(lambda: pending.resolve(file.write(job).result()))
                return pending

        self.owing._file = Later()
        return waiting

    def target(self, operation, register=None):
        site = structs.replace(bound(self), operation=operation)
        name, reply = f"up/{operation.task}", tasks.reply(operation.task)
        health = Health(BreakerSettings())
        inner = ProviderTarget(name, f"openai/{operation.model}", site, reply, health, self.tools(), EAGER)
        books = Books(self.owing, self.money, self.money, self.models, lambda place, model: f"openai/{model}")
        register = register or self.register
        return Owned(inner, operation.kept, register, Batches("up", register.belongings, books), self._offload)

    def start(self, make, document, caller="ann", blobs=(), subject=None, register=None):
        call = structs.replace(make_call(self.clock), payload=Payload(json.encode(document), blobs), subject=subject)
        self.opened.caller = Caller(caller, caller, Auth.KEY)
        return self.target(make(Server()), register).start(call, caller, call.deadline_ns, self.opened)

    def ask(self, make, document, *plays, **more):
        """The outcome, or the error that came instead."""
        if plays:
            self.plays(*plays)
        done = self.wait(self.start(make, document, **more))
        return done.error if done.error is not None else json.decode(done.result().body)

    def upload(self, name="file-1", caller="ann", **more):
        blobs = (("file", more.pop("content", LINE)),)
        return self.ask(files, UPLOAD, says({**FILE, "id": name}), caller=caller, blobs=blobs, **more)


@pytest.fixture
def house():
    made = House()
    yield made
    assert made.money.held == {}
    assert made.client.open_connections == 0


def of(action, thing, **more):
    return {"action": action, "id": thing, **more}


def test_a_file_goes_out_in_a_form_with_its_bytes_as_they_are(house):
    house.upload(content=LINE)
    request = house.client.requests[-1]

    assert (request.method, request.path) == ("POST", "/files")
    assert LINE in request.body
    assert b'name="purpose"\r\n\r\nbatch\r\n' in request.body
    assert b'filename="a.jsonl"' in request.body


def test_nobody_is_told_of_a_new_thing_before_its_owner_is_durable(house):
    slow = Slow(house.known)
    house.plays(says(FILE))
    done = house.start(
        files, UPLOAD, blobs=(("file", LINE),), register=structs.replace(house.register, belongings=slow)
    )
    house.settle()

    assert not done.is_done
    assert house.known.find("up", "file-1") is None
    slow.waiting.pop()()
    assert house.known.find("up", "file-1").owner == "key:ann"
    assert done.result().status == 200


def test_an_owner_is_written_also_when_nobody_waits_any_more(house):
    slow = Slow(house.known)
    house.plays(says(FILE))
    done = house.start(
        files, UPLOAD, blobs=(("file", LINE),), register=structs.replace(house.register, belongings=slow)
    )
    house.settle()
    done.abandon()
    slow.waiting.pop()()

    assert house.known.find("up", "file-1").owner == "key:ann"


def test_what_was_begun_is_heard_to_its_end_when_its_caller_leaves_and_a_look_is_not(house):
    house.plays(Says(200, json.encode(FILE), after_s=1.0))
    begun = house.start(files, {**UPLOAD, "purpose": "x"}, blobs=(("file", LINE),))
    begun.abandon()
    house.settle()
    house.plays(Says(200, json.encode(FILE), after_s=1.0))
    looked = house.start(files, of("retrieve", "file-1"))
    looked.abandon()

    assert house.known.find("up", "file-1").owner == "key:ann"
    assert isinstance(looked.error, ClientGone)
    assert house.client.open_connections == 0


@pytest.mark.parametrize(
    ("told", "expires_s"),
    [(5_000_000_000, 5_000_000_000), (5e9, 5_000_000_000), ("x", None), (-1, None), (10**30, None)],
)
def test_when_a_thing_ends_is_known_where_it_is_told_and_nothing_is_lost_where_it_is_not(house, told, expires_s):
    house.ask(files, UPLOAD, says({**FILE, "expires_at": told}), blobs=(("file", LINE),))

    assert house.known.find("up", "file-1").expires_s == expires_s


@pytest.mark.parametrize(
    ("make", "document"),
    [
        (files, of("retrieve", "file-1")),
        (files, of("content", "file-1")),
        (files, of("delete", "file-1")),
        (files, {"action": "list", "after": "file-1"}),
        (batches, BEGIN),
        (batches, of("retrieve", "file-1")),
        (tuning, TUNE),
        (tuning, {"action": "create", "body": {"model": "m", "training_file": "mine", "x": [{"y": "file-1"}]}}),
        (tuning, of("events", "file-1")),
    ],
)
def test_what_is_somebody_elses_is_not_found_and_the_provider_is_not_asked(house, make, document):
    house.upload()
    house.upload("mine", caller="bob")
    sent = house.sent()

    assert isinstance(house.ask(make, document, caller="bob"), NotFound)
    assert house.sent() == sent


@pytest.mark.parametrize("make", [files, batches, tuning])
def test_an_action_without_an_id_asks_nothing(house, make):
    assert isinstance(house.ask(make, {"action": "retrieve"}), NotFound)
    assert house.sent() == 0


@pytest.mark.parametrize(
    ("make", "document", "blobs", "field"),
    [
        (files, {"action": "create", "purpose": "x"}, (), "/file"),
        (files, {"action": "create"}, (("file", b"x"),), "/purpose"),
        (batches, {"action": "create"}, (), "/body"),
        (tuning, {"action": "create", "body": None}, (), "/body"),
    ],
)
def test_a_creation_that_lacks_something_says_what(house, make, document, blobs, field):
    error = house.ask(make, document, says({}), blobs=blobs)

    assert isinstance(error, SchemaViolation)
    assert [each.pointer for each in error.errors] == [field]
    assert house.sent() == 0


def test_things_are_not_asked_for_several_at_once(house):
    house.plays(says(FILE))
    call = structs.replace(make_call(house.clock), payload=Payload(b"[]", rows=0, is_array=True))

    with pytest.raises(SchemaViolation):
        house.target(files(Server())).start(call, "ann", call.deadline_ns, house.opened)


@pytest.mark.parametrize("plays", [Resets(), Says(200, b"no json"), Says(200, b"[]"), Says(500, b"{}")])
@pytest.mark.parametrize(
    ("make", "document"),
    [(files, UPLOAD), (batches, BEGIN), (tuning, TUNE), (batches, of("cancel", "batch_1")), (files, of("delete", "file-1"))],
)  # fmt: skip
def test_what_must_not_be_done_twice_is_sent_once(house, make, document, plays):
    house.upload()
    house.ask(batches, BEGIN, says(BATCH))
    sent = house.sent()
    error = house.ask(make, document, plays, blobs=(("file", LINE),) if document is UPLOAD else ())

    assert isinstance(error, ProviderDown | ProviderBroken)
    assert house.sent() == sent + 1


@pytest.mark.parametrize("first", [Refuses(), busy(1)])
def test_what_cannot_have_been_done_is_sent_again(house, first):
    made = house.ask(files, UPLOAD, first, says(FILE), blobs=(("file", LINE),))

    assert made["id"] == "file-1"
    assert house.sent() == 2


@pytest.mark.parametrize("first", [Resets(), Says(200, b"no json"), Says(500, b"{}")])
def test_a_look_is_taken_again(house, first):
    house.upload()
    sent = house.sent()

    assert house.ask(files, of("retrieve", "file-1"), first, says(FILE)) == FILE
    assert house.sent() == sent + 2


def test_what_comes_of_a_batch_is_its_owners_from_when_it_is_seen(house):
    house.upload(subject="ada")
    house.ask(batches, BEGIN, says(BATCH))
    done = {**BATCH, "output_file_id": "file-2", "error_file_id": "file-3"}
    house.ask(batches, of("retrieve", "batch_1"), says(done))

    found = [house.known.find("up", name) for name in ("file-2", "file-3")]
    assert [(each.owner, each.kind, each.purpose, each.subject) for each in found] == [
        ("key:ann", "file", "batch_output", b"ada")
    ] * 2
    assert house.known.find("up", "batch_1").subject == b"ada"


def test_what_comes_of_a_job_is_its_owners_too(house):
    house.upload()
    house.ask(tuning, TUNE, says(JOB))
    done = {**JOB, "result_files": ["file-2", None, 3, ""], "fine_tuned_model": "ft:m:o::1"}
    house.ask(tuning, of("retrieve", "ftjob-1"), says(done))
    steps = {"object": "list", "data": [{"id": "s", "fine_tuned_model_checkpoint": "ft:m:o::1:ckpt"}]}
    house.ask(tuning, of("checkpoints", "ftjob-1"), says(steps))

    kinds = {name: house.known.find("up", name).kind for name in ("file-2", "ft:m:o::1", "ft:m:o::1:ckpt")}
    assert kinds == {"file-2": "file", "ft:m:o::1": "model", "ft:m:o::1:ckpt": "model"}
    assert isinstance(house.ask(files, of("retrieve", "ft:m:o::1")), NotFound)


@pytest.mark.parametrize("answer", [{**FILE}, {"object": "file"}])
def test_a_new_thing_that_is_somebody_elses_or_has_no_name_is_nobodys_new_one(house, answer):
    house.upload()
    lines = LINE.replace(b'"m"', b'"other"')
    error = house.ask(files, UPLOAD, says(answer), caller="bob", blobs=(("file", lines),))

    assert isinstance(error, ProviderBroken)
    assert list(house.owing.needs("up", "file-1")) == ["m"]
    assert house.known.find("up", "file-1").owner == "key:ann"
    assert house.ask(files, {"action": "list"}, caller="bob")["data"] == []


def test_a_batch_cannot_be_made_to_yield_somebody_elses_file(house):
    house.upload()
    house.upload("file-9", caller="bob")
    house.ask(batches, BEGIN, says(BATCH))
    error = house.ask(batches, of("retrieve", "batch_1"), says({**BATCH, "output_file_id": "file-9"}))

    assert isinstance(error, ProviderBroken)
    assert house.known.find("up", "file-9").owner == "key:bob"


@pytest.mark.parametrize("name", ["file-1", "ft:m:o::1"])
def test_the_lines_of_a_batch_name_nobody_elses_things(house, name):
    house.upload()
    house.ask(tuning, TUNE, says({**JOB, "fine_tuned_model": "ft:m:o::1"}))
    sent = house.sent()
    lines = LINE + b'\r\n{"body": {"model": "m", "deep": [{"x": "%s"}]}}\n' % name.encode().replace(b"f", b"\\u0066", 1)

    assert isinstance(house.upload(caller="bob", content=lines), NotFound)
    assert house.sent() == sent
    assert house.upload("file-2", content=lines)["id"] == "file-2"


@pytest.mark.parametrize("content", [b"no json", LINE + b"[1]", LINE + b'{"a": \xff}', b"[" * 100_000, b'{"body": {}}'])
def test_lines_that_cannot_be_read_are_refused(house, content):
    error = house.upload(content=content)

    assert isinstance(error, SchemaViolation)
    assert house.sent() == 0


def test_a_file_in_base64_is_read_as_one_beside_the_document(house):
    document = {**UPLOAD, "file": base64.b64encode(LINE).decode()}

    assert house.ask(files, document, says(FILE))["id"] == "file-1"
    assert LINE in house.client.requests[-1].body


def test_a_list_holds_the_callers_things_in_pages_and_asks_for_no_others(house):
    for number in range(4):
        house.upload(f"file-{number}")
    house.upload("file-9", caller="bob")
    sent = house.sent()
    first = house.ask(files, {"action": "list", "limit": 3}, *(says({"id": f"file-{n}"}) for n in (3, 2, 1)))
    last = house.ask(files, {"action": "list", "limit": 3, "after": "file-1"}, says({"id": "file-0"}))

    assert [each["id"] for each in first["data"]] == ["file-3", "file-2", "file-1"]
    assert (first["first_id"], first["last_id"], first["has_more"]) == ("file-3", "file-1", True)
    assert ([each["id"] for each in last["data"]], last["has_more"]) == (["file-0"], False)
    assert [request.path for request in house.client.requests[sent:]] == [f"/files/file-{n}" for n in (3, 2, 1, 0)]


def test_a_list_goes_on_past_what_the_provider_has_lost(house):
    for number in range(3):
        house.upload(f"file-{number}")
    lost = Says(404, b"{}")
    listed = house.ask(files, {"action": "list", "limit": 1}, lost, lost, says({"id": "file-0"}))

    assert ([each["id"] for each in listed["data"]], listed["has_more"]) == (["file-0"], False)
    assert house.ask(files, {"action": "list"}, lost)["data"] == []


def test_a_list_that_cannot_be_told_whole_is_none(house):
    house.upload()

    assert isinstance(house.ask(files, {"action": "list"}, Says(400, b"{}")), ProviderRefused)


def test_a_deleted_thing_is_nobodys(house):
    house.upload()
    house.ask(files, of("delete", "file-1"), says({"id": "file-1", "object": "file", "deleted": True}))

    assert house.known.find("up", "file-1") is None


def test_what_the_provider_has_lost_can_be_given_up(house):
    house.upload()

    assert isinstance(house.ask(files, of("delete", "file-1"), Says(404, b"{}")), NotFound)
    assert house.known.find("up", "file-1") is None


def test_what_could_not_be_deleted_is_still_the_callers(house):
    house.upload()

    assert isinstance(house.ask(files, of("delete", "file-1"), Says(500, b"{}")), ProviderDown)
    assert house.known.find("up", "file-1").owner == "key:ann"


def test_who_has_the_most_files_makes_room_first_and_batches_make_room_themselves(house):
    for number in range(5):
        house.upload(f"file-{number}")
        house.ask(batches, BEGIN, says({**BATCH, "id": f"batch_{number}"}))
    sent = house.sent()
    error = house.upload("file-5")

    assert type(error) is CallerError
    assert house.sent() == sent
    house.ask(batches, BEGIN, says({**BATCH, "id": "batch_5"}))
    assert house.known.find("up", "batch_0") is None
    assert house.known.find("up", "batch_5").owner == "key:ann"


def test_only_batches_and_jobs_cost_something(house):
    house.money.refusal = PriceUnknown()
    house.upload()
    refused = [house.ask(batches, BEGIN, says(BATCH)), house.ask(tuning, TUNE, says(JOB))]
    house.money.refusal = None
    house.ask(batches, BEGIN, says(BATCH))
    house.money.refusal = PriceUnknown()

    assert [type(error) for error in refused] == [PriceUnknown, PriceUnknown]
    assert house.ask(batches, of("cancel", "batch_1"), says(BATCH)) == BATCH
    assert house.ask(batches, {"action": "list"}, says(BATCH))["data"] == [BATCH]
    assert house.money.settled == [None]


def test_what_the_provider_refuses_is_the_callers_and_one_that_is_busy_is_not(house):
    house.upload()
    conflict = house.ask(files, of("delete", "file-1"), Says(409, b'{"error": {"message": "no"}}'))
    crowded = house.ask(batches, BEGIN, busy(100))

    assert (type(conflict), conflict.detail) == (ProviderRefused, ProviderRefused.title)
    assert isinstance(crowded, ProviderBusy)


DONE = {**BATCH, "status": "completed", "output_file_id": "file-2", "request_counts": {"completed": 1}}
SPENT = {"input_tokens": 10, "output_tokens": 7}
OUTPUT = b'{"response": {"status_code": 200, "body": {"model": "m-1", "usage": {"prompt_tokens": 10, "completion_tokens": 7}}}}\n'


def begin(house):
    house.upload()
    house.ask(batches, BEGIN, says({**BATCH, "status": "validating"}))


def test_a_batch_is_held_for_before_it_is_begun_and_owed_in_the_moment_it_has_an_owner(house):
    slow = Slow(house.known)
    house.upload()
    house.plays(says(BATCH))
    done = house.start(batches, BEGIN, register=structs.replace(house.register, belongings=slow))
    house.settle()
    is_told, early = done.is_done, house.owing.find("up", "batch_1")
    slow.waiting.pop()()
    owed = house.owing.find("up", "batch_1")

    assert (is_told, early) == (False, None)
    assert (owed.models, owed.held_micros, owed.caller_id, owed.target) == (("m",), 1000, "ann", "up/batches")
    assert owed.day == "1970-01-01", "the call's own day, whenever its end is seen"
    assert house.opened.settlements[-1][1] is None


def test_a_batch_that_has_one_price_whatever_it_uses_owes_nothing_more(house):
    house.money.is_sold_whole = lambda service: True
    begin(house)

    assert house.owing.find("up", "batch_1") is None
    assert house.money.settled == [None]


def test_lines_in_an_endpoints_name_go_out_in_its_models(house):
    house.upload(content=LINE.replace(b'"m"', b'"chat"'))

    assert b'"model":"m"' in house.client.requests[-1].body
    assert list(house.owing.needs("up", "file-1")) == ["m"]


def test_a_batch_of_a_file_whose_lines_were_not_looked_at_is_refused(house):
    house.upload()
    house.known._file.write(lambda connection: connection.execute("DELETE FROM batch_inputs"))
    sent = house.sent()
    error = house.ask(batches, BEGIN)

    assert [each.pointer for each in error.errors] == ["/body/input_file_id"]
    assert house.sent() == sent


def test_a_model_that_the_caller_may_not_use_any_more_is_refused_when_the_batch_begins(house):
    house.upload()
    house.models.refused = frozenset({"m"})
    sent = house.sent()
    error = house.ask(batches, BEGIN)

    assert isinstance(error, SchemaViolation)
    assert house.sent() == sent


def test_a_model_that_the_caller_trained_may_be_named(house):
    house.upload()
    house.ask(tuning, TUNE, says({**JOB, "fine_tuned_model": "ft:m:o::1"}))
    lines = b'{"body": {"model": "ft:m:o::1"}}'

    assert house.upload("file-2", content=lines)["id"] == "file-2"
    assert list(house.owing.needs("up", "file-2")) == ["ft:m:o::1"]
    told = [house.upload(caller="bob", content=lines.replace(b"::1", end)) for end in (b"::1", b"::2")]
    assert {(type(error), error.errors) for error in told} == {(SchemaViolation, told[0].errors)}


@pytest.mark.parametrize("document", [of("retrieve", "batch_1"), of("cancel", "batch_1"), {"action": "list"}])
def test_an_end_that_says_what_was_used_is_booked_once_wherever_it_is_seen(house, document):
    begin(house)
    house.ask(batches, of("retrieve", "batch_1"), says({**BATCH, "status": "in_progress", "usage": SPENT}))
    early = list(house.money.corrected)
    for _ in range(2):
        house.ask(batches, document, says({**DONE, "usage": SPENT}))

    assert early == []
    assert house.money.corrected == [80 - 1000]
    assert house.owing.find("up", "batch_1") is None


def test_nobody_is_told_of_an_end_before_it_is_booked_and_it_is_when_nobody_waits(house):
    begin(house)
    slow = house.slow_file()
    house.plays(says({**DONE, "output_file_id": None, "usage": SPENT}))
    done = house.start(batches, of("retrieve", "batch_1"))
    house.settle()
    is_told, corrected = done.is_done, list(house.money.corrected)
    done.abandon()
    slow.pop()()

    assert (is_told, corrected) == (False, [])
    assert house.money.corrected == [80 - 1000]


def test_an_output_is_booked_at_its_end_and_a_part_of_it_is_not(house):
    begin(house)
    house.ask(batches, of("retrieve", "batch_1"), says(DONE))
    house.plays(Tells((OUTPUT[:20], OUTPUT[20:])))
    for is_left in (True, False):
        stream = house.wait(house.start(files, of("content", "file-2"))).result().stream
        first = house.wait(stream.next()).result()
        if is_left:
            stream.cancel()
            continue
        rest = [house.wait(stream.next()).result() for _ in range(2)]

    assert (first, rest) == (OUTPUT[:20], [OUTPUT[20:], None])
    assert house.money.corrected == [80 - 1000]


def test_an_output_is_read_before_it_is_deleted(house):
    begin(house)
    house.ask(batches, of("retrieve", "batch_1"), says(DONE))
    gone = says({"id": "file-2", "object": "file", "deleted": True})
    house.ask(files, of("delete", "file-2"), Tells((OUTPUT,)), gone)

    assert [request.method for request in house.client.requests[-2:]] == ["GET", "DELETE"]
    assert house.money.corrected == [80 - 1000]
    assert house.known.find("up", "file-2") is None


def test_an_output_that_cannot_be_read_now_is_not_deleted_and_one_that_is_lost_is(house):
    begin(house)
    house.ask(batches, of("retrieve", "batch_1"), says(DONE))
    broken = house.ask(files, of("delete", "file-2"), *[Resets()] * 3)
    lost = house.ask(files, of("delete", "file-2"), Says(404, b"{}"), Says(404, b"{}"))

    assert (type(broken), type(lost)) == (ProviderDown, NotFound)
    assert house.money.corrected == []
    assert house.owing.find("up", "batch_1") is None
    assert house.known.find("up", "file-2") is None


@pytest.mark.parametrize(("plays", "is_free"), [(Says(400, b"{}"), True), (Resets(), False)])
def test_a_batch_that_was_not_begun_is_charged_only_where_it_may_have_been(house, plays, is_free):
    house.upload()
    freed = house.money.freed
    house.ask(batches, BEGIN, plays)

    assert house.money.freed - freed == is_free
    assert house.owing.find("up", "batch_1") is None


class Plain:
    """A target that answers anything."""

    name = "up/m"

    def __init__(self):
        self.asked = []

    def start(self, call, caller_id, deadline_ns, opening):
        self.asked.append(call.payload.document)
        return Pending()

    def predicted_wait_ns(self, rows):
        return rows

    def load(self):
        return 1.0


@pytest.mark.parametrize("field", ["file_id", "file\\u005fid"])
def test_what_a_call_says_names_no_file_of_another_caller(house, field):
    house.upload()
    plain = Plain()
    guarded = Guarded(plain, house.register)
    document = b'{"input": [{"content": [{"%s": "file-1"}]}]}' % field.encode()
    call = structs.replace(make_call(house.clock), payload=Payload(document))
    started = []
    for caller in ("ann", "bob"):
        house.opened.caller = Caller(caller, caller, Auth.KEY)
        started.append(guarded.start(call, caller, call.deadline_ns, house.opened))

    assert plain.asked == [document]
    assert not started[0].is_done
    assert type(started[1].error) is ProviderRefused
    assert (guarded.name, guarded.predicted_wait_ns(2), guarded.load()) == ("up/m", 2, 1.0)
