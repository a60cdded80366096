"""Budgets: what may still be spent, reserved before an attempt and settled after it.

One thread decides, and memory is the truth while a front runs; the record holds the same sums, written in the same
transaction as the rows they come from, so a front that starts goes on where the last one stopped, however it ended.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import count

from msgspec import Struct, structs

from headworks.contract.tasks.unbounded import TEXT_ONLY, Weight, weight_of
from headworks.costs import Reservation, Settlement, Usage
from headworks.errors import BudgetExhausted, FieldError, Overloaded, PriceUnknown, RateLimited
from headworks.money.batches import most_micros, used_micros
from headworks.money.bound import NOTHING, asked_of, bound_micros, estimated_tokens, output_cap
from headworks.money.prices import MICROS, PriceTable, cost_micros
from headworks.owing import Accounts, Needs
from headworks.ports import Limits
from headworks.units import QUOTA_IN_TOKENS, SECOND_NS, Clock, Rate
from headworks.values import Call, Caller, Endpoint, Quota

FOR_EVER = "total"
_BEYOND = {
    False: "may be more tokens than it has bytes; send it as text or as pictures",
    True: "is billed by the vendor beside the tokens that it tells; leave it out",
}
MOST_ACCOUNTS = 200_000
MOST_KNOWN = 10_000
TokenRates = tuple[tuple[str, Rate], ...]
Account = tuple[str, str]
"""A budget of somebody, such as `each-key|k_1`, and the period it counts in, such as `2026-11`."""
Payer = tuple[str, str, str | None, str]
"""What decides which budgets a call falls under: the key's id and name, its tenant, the endpoint's id."""


class Budget(Struct, frozen=True):
    """One budget as configured.

    `per` says whose it is: of each key, each tenant, each endpoint, or of the whole service. `only` keeps it to one of
    them, by name. `ceiling_micros` is what an attempt at a service without a known price is taken to cost at most.
    Shapes: `period` is day, month or total, by UTC.
    """

    name: str
    limit_micros: int
    per: str = "service"
    only: str | None = None
    period: str = "month"
    ceiling_micros: int | None = None

    def account(self, caller: Caller, endpoint: Endpoint) -> str | None:
        """Whose money a call would spend; None where this budget does not apply."""
        whose = _WHOSE[self.per](caller, endpoint)
        if not whose or (self.only is not None and self.only not in whose):
            return None
        return f"{self.name}|{whose[0]}"


Due = tuple[Budget, Account]

_WHOSE: Mapping[str, Callable[[Caller, Endpoint], tuple[str, ...]]] = {
    "key": lambda caller, endpoint: (caller.key_id, caller.name),
    "tenant": lambda caller, endpoint: (caller.tenant,) if caller.tenant else (),
    "endpoint": lambda caller, endpoint: (endpoint.name, endpoint.id),
    "service": lambda caller, endpoint: ("service",),
}


def period_of(period: str, wall_ns: int) -> str:
    """The name of the period a moment lies in: `2026-11-27`, `2026-11` or `total`."""
    if period == FOR_EVER:
        return FOR_EVER
    day = datetime.fromtimestamp(wall_ns // SECOND_NS, UTC).date().isoformat()
    return day if period == "day" else day[:7]


class Budgets:
    """Implements ports.Money.

    Bounded: accounts of past periods are dropped when a new period begins; too many at once refuse new ones.
    Cost: a few microseconds a reservation, nothing where no budget is configured but the price.
    Safe under: one thread.
    """

    def __init__(self, budgets: Iterable[Budget], prices: PriceTable, clock: Clock, limits: Limits) -> None:
        self._budgets = tuple(budgets)
        self._limits = limits
        self.prices = prices
        self._clock = clock
        self._numbers = count(1)
        self._taken: dict[Account, int] = {}
        self._periods: dict[str, str] = {}
        self._until_ns = 0
        self._known: dict[Payer, tuple[Due, ...]] = {}

    def adopt(self, budgets: Iterable[Budget], prices: PriceTable) -> None:
        """Decide by these from now on; what was spent stays spent, under the name and the period of its budget."""
        self._budgets = tuple(budgets)
        self.prices = prices
        self._known.clear()

    def restore(self, spent: Mapping[Account, int]) -> None:
        """Go on from what the record says was spent."""
        self._taken = dict(spent)

    def taken_micros(self, account: Account) -> int:
        """What of an account is spent or held."""
        return self._taken.get(account, 0)

    def check(self, caller: Caller, endpoint: Endpoint) -> None:
        """See ports.Money."""
        for budget, account in self._accounts(caller, endpoint):
            if self._taken.get(account, 0) >= budget.limit_micros:
                raise self._exhausted(budget)

    def reserve(self, call: Call, caller: Caller, service: str, added_tokens: int = 0) -> Reservation:
        """See ports.Money."""
        endpoint = call.endpoint
        price = self.prices.find(service)
        asked = asked_of(call)
        cap = output_cap(asked, price, endpoint.max_output)
        accounts = self._accounts(caller, endpoint)
        weight = weight_of(endpoint.task, call.payload.document) if price is not None or accounts else TEXT_ONLY
        bound = None if price is None else bound_micros(call, asked, weight, price, cap, added_tokens)
        micros = None if weight.beyond else bound
        rates = _token_rates(caller, endpoint)
        tokens = estimated_tokens(call, asked, cap, added_tokens) if rates else 0
        if not accounts:
            if rates:
                self._take(rates, tokens)
            return Reservation(next(self._numbers), micros, (), cap, service, tokens, rates, weight.has_fees)
        most = bound or 0
        if micros is None:
            most = max(most, *[_ceiling_micros(budget, service, weight) for budget, _ in accounts])
        names = self._held(accounts, most, rates, tokens)
        return Reservation(next(self._numbers), most, names, cap, service, tokens, rates, weight.has_fees)

    def hold(self, call: Call, caller: Caller, service: str, needs: Mapping[str, Needs]) -> Reservation:
        """See owing.Purse; each line's answer is bounded by its own cap, else by its model's."""
        accounts = self._accounts(caller, call.endpoint)
        rates = _token_rates(caller, call.endpoint)
        tokens = estimated_tokens(call, NOTHING, None) if rates else 0
        most = most_micros(needs, self.prices) if accounts else None
        if accounts and most is None:
            most = max(_ceiling_of_lines(budget) for budget, _ in accounts)
        names = self._held(accounts, most or 0, rates, tokens)
        return Reservation(next(self._numbers), most, names, None, service, tokens, rates)

    def is_sold_whole(self, service: str) -> bool:
        """See owing.Purse."""
        price = self.prices.find(service)
        return price is not None and price.call is not None

    def batch_micros(self, used: Mapping[str, Usage]) -> int | None:
        """See owing.Purse."""
        return used_micros(used, self.prices)

    def correct(self, accounts: Accounts, by_micros: int) -> None:
        """See owing.Purse."""
        for account in accounts:
            if account in self._taken:  # else its period is over
                self._taken[account] += by_micros

    def settle(self, reservation: Reservation, usage: Usage | None, *, is_free: bool = False) -> Settlement:
        """See ports.Money."""
        price = self.prices.find(reservation.service)
        micros = 0 if is_free else None if price is None or usage is None else cost_micros(price, usage)
        if reservation.has_fees and micros is not None and not is_free:
            micros = None if reservation.micros is None else max(micros, reservation.micros)
        charged = micros if micros is not None else reservation.micros
        if reservation.budgets and reservation.micros is not None and charged is not None:
            for account in reservation.budgets:
                if account in self._taken:  # else its period is over
                    self._taken[account] += charged - reservation.micros
        if reservation.token_rates:
            self._correct(reservation, 0 if is_free else _tokens_used(usage))
        return Settlement(reservation, micros)

    def left(self, caller: Caller, endpoint: Endpoint) -> tuple[Quota, ...]:
        """See ports.Money."""
        now_ns = self._clock.monotonic_ns()
        left = (self._limits.left(bucket, rate, now_ns) for bucket, rate in _token_rates(caller, endpoint))
        return tuple(structs.replace(quota, is_tokens=True) for quota in left)

    def _held(self, accounts: tuple[Due, ...], most: int, rates: TokenRates, tokens: int) -> tuple[Account, ...]:
        """Hold the most in every account, and take the tokens from every rate, or neither anywhere.

        Raises: BudgetExhausted, Overloaded, RateLimited.
        """
        taken = self._taken
        for budget, account in accounts:
            if taken.get(account, 0) + most > budget.limit_micros:
                raise self._exhausted(budget)
        if len(taken) + len(accounts) > MOST_ACCOUNTS:
            raise Overloaded("Too many budgets are in use at once.", retry_after_s=60)
        if rates:
            self._take(rates, tokens)
        names = tuple([account for _, account in accounts])
        for account in names:
            taken[account] = taken.get(account, 0) + most
        return names

    def _take(self, rates: TokenRates, tokens: int) -> None:
        """Take the tokens from every rate, or from none.

        Raises: RateLimited.
        """
        now_ns = self._clock.monotonic_ns()
        for at, (bucket, rate) in enumerate(rates):
            try:
                self._limits.take(bucket, rate, tokens, now_ns)
            except RateLimited as error:
                for earlier, of in rates[:at]:
                    self._limits.correct(earlier, of, -tokens, now_ns)
                raise _too_many_tokens(rate, tokens, error) from None

    def _correct(self, reservation: Reservation, used: int | None) -> None:
        """Set right what was taken of the rates; what nobody knows stays as it was estimated."""
        if used is None or used == reservation.tokens:
            return
        now_ns = self._clock.monotonic_ns()
        for bucket, rate in reservation.token_rates:
            self._limits.correct(bucket, rate, used - reservation.tokens, now_ns)

    def _accounts(self, caller: Caller, endpoint: Endpoint) -> tuple[Due, ...]:
        """The budgets that a call falls under, and their accounts in the running periods."""
        if not self._budgets:
            return ()
        wall_ns = self._clock.wall_ns()
        if wall_ns >= self._until_ns:
            self._begin_periods(wall_ns)
        payer = caller.key_id, caller.name, caller.tenant, endpoint.id
        known = self._known.get(payer)
        return known if known is not None else self._learn(payer, caller, endpoint)

    def _learn(self, payer: Payer, caller: Caller, endpoint: Endpoint) -> tuple[Due, ...]:
        """What `_accounts` gives, put together once a period."""
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        whose = ((budget, budget.account(caller, endpoint)) for budget in self._budgets)
        due = tuple((budget, (name, self._periods[budget.period])) for budget, name in whose if name is not None)
        self._known[payer] = due
        return due

    def _begin_periods(self, wall_ns: int) -> None:
        """Enter the periods a moment lies in; they drop what the last ones held."""
        day_ns = 86_400 * SECOND_NS
        self._until_ns = (wall_ns // day_ns + 1) * day_ns
        self._periods = {kind: period_of(kind, wall_ns) for kind in ("day", "month", FOR_EVER)}
        running = set(self._periods.values())
        self._taken = {account: micros for account, micros in self._taken.items() if account[1] in running}
        self._known.clear()

    def _exhausted(self, budget: Budget) -> BudgetExhausted:
        limit = f"{budget.limit_micros / MICROS:g} {self.prices.currency}"
        period = "" if budget.period == FOR_EVER else f" a {budget.period}"
        return BudgetExhausted(f"Budget {budget.name} of {limit}{period} does not hold what this call may cost.")


def _token_rates(caller: Caller, endpoint: Endpoint) -> TokenRates:
    """The rates of tokens that a call falls under."""
    if caller.tokens is endpoint.tokens is None:
        return ()
    rates = ((f"{caller.key_id}:tokens", caller.tokens), (f"{endpoint.id}:tokens", endpoint.tokens))
    return tuple((bucket, rate) for bucket, rate in rates if rate is not None)


def _too_many_tokens(rate: Rate, tokens: int, error: RateLimited) -> RateLimited:
    """A rate of tokens is used up, in its own words."""
    allowed = f"{rate.depth} tokens in {rate.depth * rate.interval_ns / SECOND_NS:g} s"
    text = f"The limit of {allowed} does not hold the {tokens} that this call may use."
    if tokens > rate.depth:
        text += " It never will: send less, or ask for a shorter answer."
    headers = tuple(
        (name, value + QUOTA_IN_TOKENS if name == "RateLimit-Policy" else value) for name, value in error.headers
    )
    return RateLimited(text, retry_after_s=error.retry_after_s, headers=headers)


def _tokens_used(usage: Usage | None) -> int | None:
    if usage is None or usage.input_tokens is None:
        return None
    return usage.input_tokens + (usage.output_tokens or 0)


def _ceiling_micros(budget: Budget, service: str, weight: Weight) -> int:
    """What an attempt that nothing else bounds is taken to cost at most, under one budget."""
    if budget.ceiling_micros is not None:
        return budget.ceiling_micros
    if weight.beyond:
        raise PriceUnknown(
            f"Budget {budget.name} applies, and nothing bounds what parts of this request may cost. Leave them out, or have the"
            " budget given a ceiling.",
            errors=tuple(FieldError(each.pointer, _BEYOND[each.has_fee]) for each in weight.beyond),
        )
    raise PriceUnknown(
        f"Budget {budget.name} applies, and nothing bounds what {service} costs: its price is not known, or its answer may"
        " be of any length."
    )


def _ceiling_of_lines(budget: Budget) -> int:
    """What a batch whose lines nothing bounds is taken to cost at most, under one budget."""
    if budget.ceiling_micros is not None:
        return budget.ceiling_micros
    raise PriceUnknown(
        f"Budget {budget.name} applies, and nothing bounds what this batch costs. Give every line a cap"
        " (max_completion_tokens, max_output_tokens) and nothing that is billed beside its text, have its model given a"
        " price for batches, or the budget a ceiling."
    )
