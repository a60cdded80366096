"""One operation of a provider as a target: attempts, keys, money, deadlines."""

import pytest
from msgspec import structs

from headworks.contract.schema import contract_from
from headworks.errors import (
    BudgetExhausted,
    ClientGone,
    ContractViolation,
    DeadlineExceeded,
    NotAcceptable,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
    RateLimited,
    RecordUnavailable,
    SchemaViolation,
)
from headworks.targets.providers.breaker import BreakerSettings, State
from headworks.targets.providers.health import Health
from headworks.targets.providers.retry import RetryPolicy
from headworks.targets.providers.target import ProviderTarget, TargetPolicy
from headworks.units import SECOND_NS
from tests.fakes_providers import (
    CANARY,
    CONTRACT,
    GOOD,
    QUICK,
    EchoKey,
    FakeWorld,
    Opened,
    Refuses,
    Resets,
    Says,
    Stalls,
    bound,
    busy,
    make_call,
)

QUICKLY = TargetPolicy(QUICK)
DOWN = Says(500, CANARY.encode())
UNSURE = TargetPolicy(QUICK, RetryPolicy(resends_unsure=True))


class House(FakeWorld):
    """One target, asked once."""

    def __init__(self):
        super().__init__()
        self.health = Health(BreakerSettings())
        self.opened = Opened(self.client)

    def target(self, *keys, policy=QUICKLY):
        return ProviderTarget(
            "up/echo", "echo/echo-1", bound(self, *keys), CONTRACT.reply, self.health, self.tools(), policy
        )

    def ask(self, target, call=None, deadline_ns=None):
        call = call or make_call(self.clock)
        return self.wait(target.start(call, "k1", deadline_ns or call.deadline_ns, self.opened))


@pytest.fixture
def house():
    made = House()
    yield made
    assert made.money.held == {}, "every reservation is settled or released"
    assert made.client.open_connections == 0


def test_an_answer_carries_what_was_used_and_what_answered(house):
    house.plays(Says(after_s=0.3))
    outcome = house.ask(house.target()).result()

    assert (outcome.body, outcome.target, outcome.model_version) == (GOOD, "up/echo", "echo-1-june")
    assert (outcome.usage.output_tokens, outcome.cost_micros) == (7, 70)
    assert outcome.run_ns == pytest.approx(0.3 * SECOND_NS, rel=0.01)


@pytest.mark.parametrize("told", [-1, 10**12 + 1, 10**30])
def test_a_count_that_cannot_be_true_is_an_unknown_one(house, told):
    house.plays(Says(200, b'{"label": "fine", "tokens": %d}' % told))
    outcome = house.ask(house.target()).result()

    assert (outcome.usage, outcome.cost_micros) == (None, None)
    assert house.money.settled == [None]


def test_nothing_is_sent_before_it_is_durable_that_it_will_be(house):
    house.plays(Resets(), Says())
    house.ask(house.target(policy=UNSURE)).result()

    assert house.opened.reservations == [(1, 0), (2, 1)]


def test_nothing_is_sent_when_it_cannot_be_recorded(house):
    house.plays(Says())
    house.opened.error = RecordUnavailable()

    assert isinstance(house.ask(house.target()).error, RecordUnavailable)
    assert house.sent() == 0
    assert house.money.freed == 1


def test_nothing_is_sent_that_cannot_be_paid_for(house):
    house.plays(Says())
    house.money.refusal = BudgetExhausted()

    assert isinstance(house.ask(house.target()).error, BudgetExhausted)
    assert house.sent() == 0


@pytest.mark.parametrize("refusal", [BudgetExhausted(), RateLimited()])
def test_a_further_attempt_that_cannot_be_paid_for_ends_with_the_first_ones_failure(house, refusal):
    house.plays(DOWN)
    pending = house.target(policy=UNSURE).start(make_call(house.clock), "k1", 2**62, house.opened)
    house.money.refusal = refusal

    assert isinstance(house.wait(pending).error, ProviderDown)
    assert house.sent() == 1


@pytest.mark.parametrize(
    ("plays", "error"),
    [
        (Says(400, CANARY.encode()), ProviderRefused),
        (Says(401, CANARY.encode()), ProviderKeyRejected),
        (busy(), ProviderBusy),
        (DOWN, ProviderDown),
        (Resets(), ProviderDown),
        (Refuses(), ProviderUnreachable),
        (Stalls(), ProviderTimeout),
        (Says(200, b"not json"), ProviderBroken),
        (Says(200, b"[1, 2]"), ProviderBroken),
        (Says(200, b"\xff\xfe"), ProviderBroken),
        (Says(200, b'{"error": "' + CANARY.encode() + b'"}'), ProviderBusy),
        (Says(200, b'{"label": 5}'), ContractViolation),
        (Says(302, b""), ProviderRefused),
    ],
)
def test_each_failure_is_an_error_of_its_own_that_tells_nothing_of_the_providers_text(house, plays, error):
    house.plays(plays)
    call = make_call(house.clock)
    failed = house.ask(house.target(), call, deadline_ns=call.deadline_ns - 1).error

    assert type(failed) is error
    assert CANARY not in failed.detail
    assert house.clock.monotonic_ns() <= call.deadline_ns


def test_an_input_that_is_refused_is_never_sent_again(house):
    house.plays(Says(400))
    house.ask(house.target(EchoKey("a"), EchoKey("b"), policy=UNSURE))

    assert house.sent() == 1


def test_an_input_the_operation_cannot_ask_for_is_refused_unsent_and_unpaid(house):
    house.plays(Says())

    assert isinstance(house.ask(house.target(), make_call(house.clock, b'"forbidden"')).error, ProviderRefused)
    assert (house.sent(), house.money.settled) == (0, [])


def test_a_refused_key_is_followed_by_the_next_and_left_alone_afterwards(house):
    house.plays(Says(401), Says())
    target = house.target(EchoKey("a"), EchoKey("b"))
    house.ask(target).result()
    house.ask(target).result()

    assert house.keys_used() == ["a", "b", "b"]
    assert target.state().keys_rejected == 1
    assert target.state().keys == (State.OPEN, State.CLOSED)


def test_a_busy_key_is_followed_by_the_next_at_once(house):
    house.plays(busy(30), Says())
    target = house.target(EchoKey("a"), EchoKey("b"))
    began_ns = house.clock.monotonic_ns()
    house.ask(target).result()

    assert house.keys_used() == ["a", "b"]
    assert house.clock.monotonic_ns() == began_ns


def test_the_last_target_waits_as_long_as_the_provider_says(house):
    house.plays(busy(3), Says())
    began_ns = house.clock.monotonic_ns()
    house.ask(house.target()).result()

    assert house.clock.monotonic_ns() - began_ns == pytest.approx(3.15 * SECOND_NS, rel=0.01)


def test_a_target_before_others_does_not_wait(house):
    house.plays(busy(3), Says())
    call = make_call(house.clock)

    assert isinstance(house.ask(house.target(), call, deadline_ns=call.deadline_ns - 1).error, ProviderBusy)
    assert house.sent() == 1


def test_a_wait_past_the_deadline_is_not_begun(house):
    house.plays(busy(60))
    began_ns = house.clock.monotonic_ns()

    assert isinstance(house.ask(house.target()).error, ProviderBusy)
    assert house.clock.monotonic_ns() == began_ns


def test_an_unreachable_host_is_tried_again_with_growing_waits(house):
    house.plays(Refuses(), Refuses(), Says())
    began_ns = house.clock.monotonic_ns()
    house.ask(house.target()).result()

    assert house.clock.monotonic_ns() - began_ns == pytest.approx(1.5 * SECOND_NS, rel=0.01)
    assert house.money.freed == 2


@pytest.mark.parametrize(("plays", "billed"), [(DOWN, 0), (Says(504, b"late"), 2), (Resets(), 2), (Stalls(), 2)])
def test_what_may_have_been_carried_out_is_sent_once_unless_the_policy_says_so(house, plays, billed):
    house.plays(plays, Says())
    once = house.ask(house.target())
    house.plays(plays, Says())
    again = house.ask(house.target(policy=UNSURE))

    assert once.error is not None
    assert again.result().body == GOOD
    assert house.money.settled.count(None) == billed, "each that may have been billed keeps what was set aside"


def test_an_answer_that_breaks_the_contract_is_asked_for_once_more(house):
    house.plays(Says(200, b'{"label": 5}'), Says(200, b'{"label": 5}'), Says())

    assert isinstance(house.ask(house.target()).error, ContractViolation)
    assert house.sent() == 2


def test_after_failures_in_a_row_the_provider_is_not_asked_until_it_has_rested(house):
    house.plays(*[Resets()] * 5, Says())
    target = house.target()
    for _ in range(5):
        house.ask(target)
    refused = house.ask(target).error
    sent_while_open = house.sent()
    house.time.advance(refused.retry_after_s + 0.001)

    assert isinstance(refused, ProviderUnavailable)
    assert sent_while_open == 5
    assert house.ask(target).result().body == GOOD


def test_while_every_key_rests_nothing_is_sent_and_the_caller_is_told_why(house):
    house.plays(busy(30), Says(401), Says())
    target = house.target(EchoKey("a"), EchoKey("b"))
    house.ask(target)
    resting = house.ask(target).error

    assert isinstance(resting, ProviderBusy)
    assert resting.retry_after_s == pytest.approx(30, abs=0.1)
    assert house.sent() == 2


def test_while_every_key_is_refused_the_service_says_that_its_own_credential_is(house):
    house.plays(Says(401))
    target = house.target(EchoKey("a"))
    errors = [type(house.ask(target).error) for _ in range(3)]

    assert errors == [ProviderKeyRejected] * 3
    assert house.sent() == 1


def test_callers_of_little_patience_never_set_a_provider_aside(house):
    house.plays(Stalls())
    target = house.target(policy=TargetPolicy())
    for _ in range(50):
        call = make_call(house.clock)
        house.ask(target, structs.replace(call, deadline_ns=house.clock.monotonic_ns() + SECOND_NS // 10))

    assert target.state().model is State.CLOSED


def test_a_provider_that_outlasts_what_the_endpoint_grants_is_set_aside(house):
    house.plays(Stalls())
    target = house.target(policy=TargetPolicy())
    errors = [type(house.ask(target, make_call(house.clock, timeout_s=1.0)).error) for _ in range(6)]

    assert errors == [DeadlineExceeded] * 5 + [ProviderUnavailable]


def test_who_stops_waiting_closes_the_connection_and_may_have_to_pay(house):
    house.plays(Stalls())
    target = house.target()
    pending = target.start(make_call(house.clock), "k1", 2**62, house.opened)
    pending.abandon()

    assert isinstance(pending.error, ClientGone)
    assert house.client.open_connections == 0
    assert house.money.settled == [None]
    assert target.state().running == 0


def test_who_stops_waiting_during_a_pause_leaves_no_timer(house):
    house.plays(Refuses())
    pending = house.target().start(make_call(house.clock), "k1", 2**62, house.opened)
    pending.abandon()

    assert house.time.waiting() == 0


def test_a_stale_credential_is_made_fresh_off_the_loop_once_for_all_who_wait(house):
    house.plays(Says())
    key = EchoKey("a", is_stale=True)
    target = house.target(key)
    pendings = [target.start(make_call(house.clock), "k1", 2**62, house.opened) for _ in range(3)]
    pendings[1].abandon()
    bodies = [house.wait(pending).result().body for pending in (pendings[0], pendings[2])]

    assert bodies == [GOOD, GOOD]
    assert (key.refreshed, house.offloaded) == (1, 1)


def test_a_credential_that_cannot_be_made_fresh_makes_room_for_the_next(house):
    house.plays(Says())
    target = house.target(EchoKey("a", is_stale=True, refusal=ProviderKeyRejected()), EchoKey("b"))

    assert house.ask(target).result().body == GOOD
    assert house.keys_used() == ["b"]
    assert target.state().origin is State.CLOSED


def test_a_credential_that_is_slow_to_renew_does_not_hold_a_call_past_its_deadline(house):
    house.plays(Says())
    house.offload_s = 60.0
    target = house.target(EchoKey("a", is_stale=True), EchoKey("b"))
    began_ns = house.clock.monotonic_ns()
    late = house.ask(target).error
    waited_ns = house.clock.monotonic_ns() - began_ns

    assert isinstance(late, DeadlineExceeded)
    assert waited_ns == pytest.approx(10 * SECOND_NS, rel=0.01)
    assert house.money.freed == 1
    assert house.ask(target).result().body == GOOD, "its issuer had its time: the next call takes the next key"


def test_an_impatient_caller_says_nothing_of_who_renews_a_credential(house):
    house.plays(Says())
    house.offload_s = 5.0
    target = house.target(EchoKey("a", is_stale=True))
    call = make_call(house.clock)
    hasty = house.ask(target, call, deadline_ns=house.clock.monotonic_ns() + SECOND_NS).error

    assert isinstance(hasty, DeadlineExceeded)
    assert house.ask(target).result().body == GOOD
    assert target.state().keys_rejected == 0


def test_an_array_is_one_call_a_row_few_at_a_time_each_paid_for_and_answered_in_order(house):
    house.plays(*[Says(body=b'{"label": "%d", "tokens": 1}' % n, after_s=1 - n / 20) for n in range(10)])
    call = make_call(house.clock, b"[" + b",".join([b'"x"'] * 10) + b"]", rows=10, is_array=True)
    pending = house.target(policy=TargetPolicy(QUICK, rows_at_once=4)).start(call, "k1", call.deadline_ns, house.opened)
    at_once = house.client.open_connections
    outcome = house.wait(pending).result()

    assert at_once == 4
    assert outcome.body == b"[" + b",".join(b'{"label": "%d", "tokens": 1}' % n for n in range(10)) + b"]"
    assert (outcome.usage.output_tokens, outcome.cost_micros, outcome.batch_rows) == (10, 100, 10)
    assert len(house.opened.reservations) == 10


def test_a_row_that_fails_ends_the_others(house):
    house.plays(Stalls(), Says(400), Stalls())
    call = make_call(house.clock, b'["a", "b", "c", "d"]', rows=4, is_array=True)

    assert isinstance(house.ask(house.target(policy=TargetPolicy(QUICK, rows_at_once=3)), call).error, ProviderRefused)


def test_many_rows_that_are_answered_at_once_need_no_deep_stack(house):
    house.plays(Says())
    call = make_call(house.clock, b"[" + b",".join([b'"x"'] * 5000) + b"]", rows=5000, is_array=True)

    assert house.ask(house.target(policy=TargetPolicy(QUICK, most_rows=5000)), call).result().batch_rows == 5000


def test_arrays_that_cannot_be_served_are_refused_in_words(house):
    house.plays(Says())
    array = {"rows": 2, "is_array": True}
    single = contract_from({"type": "string"}, {}, is_batch=False, is_stream=False, examples=())
    call = make_call(house.clock, b'["a", "b"]', **array)
    one_only = structs.replace(call, endpoint=structs.replace(call.endpoint, contract=single))
    streamed = structs.replace(call, reply_media="text/event-stream")
    errors = [house.ask(house.target(), refused).error for refused in (one_only, streamed)]
    errors.append(house.ask(house.target(policy=TargetPolicy(most_rows=1)), call).error)

    assert [type(error) for error in errors] == [SchemaViolation, NotAcceptable, SchemaViolation]
    assert house.sent() == 0
