"""The parts of the benchmark: each measures something and gives its figures, by the names of goals.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from bench import clients, footprint, late, overload, rounds, stored, streams
from bench.figures import Round, single_times, summary, times
from bench.gateways import OURS as GATEWAY
from bench.gateways import OURS_TLS as GATEWAY_TLS
from bench.gateways import gateways
from bench.gateways import missing as gateways_missing
from bench.rounds import Plan, beside_name, say
from bench.servers import MODELS, PEERS_OF, Server, ours
from bench.upstream import upstream, upstream_name
from bench.venvs import ensure_ours

OURS = "headworks"
POWER = "headworks-power"


@dataclass(frozen=True)
class Settings:
    """What was asked for on the command line."""

    plan: Plan
    is_long: bool = False
    peers: frozenset[str] = frozenset()


@dataclass
class Found:
    """What the parts measured: tables for reading, figures for the goals, ratios for the baseline."""

    tables: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def s1(asked: Settings, found: Found) -> None:
    """The trivial model, record committed before the answer, and the same with fsync."""
    servers = [
        ours(OURS, MODELS / "s1.py", "dot"),
        ours(POWER, MODELS / "s1_power.yaml", "dot"),
        *_chosen(asked, "s1"),
    ]
    taken = rounds.measure(servers, asked.plan)
    _table(found, "s1", taken)
    mine, figures = found.tables["s1"][OURS], found.figures
    figures["s1 cpu us a call"] = mine["cpu_us"]
    figures["s1 p99 at c=64"] = mine["p99_ms"]
    _ratios(found, "s1", taken, _names(asked, "s1"))
    if "mosec" in taken:
        figures["s1 p50 at c=1 x mosec"] = single_times(taken[OURS], taken["mosec"])
        figures["s1 durable power x mosec"] = times(taken[POWER], taken["mosec"])
        found.ratios["s1 p50 at c=1 x mosec"] = figures["s1 p50 at c=1 x mosec"]
        found.ratios["s1 durable power x mosec"] = figures["s1 durable power x mosec"]


def s2(asked: Settings, found: Found) -> None:
    """The scikit-learn model; of mosec's waits the one with the best throughput counts."""
    servers = [ours(OURS, MODELS / "s2.py", "cancer"), *_chosen(asked, "s2")]
    taken = rounds.measure(servers, asked.plan)
    _table(found, "s2", taken)
    tuned = [name for name in taken if name.startswith("mosec-")]
    _ratios(found, "s2", taken, [name for name in _names(asked, "s2") if name not in tuned])
    if tuned:
        best = max(tuned, key=lambda name: found.tables["s2"][name]["rps"])
        found.details["s2 mosec's best wait"] = best.removeprefix("mosec-")
        found.ratios["s2 cpu x mosec"] = found.tables["s2"][OURS]["cpu_us"] / found.tables["s2"][best]["cpu_us"]
        for name, value in (
            ("s2 throughput x mosec", times(taken[OURS], taken[best])),
            ("s2 p50 at c=1 x mosec", single_times(taken[OURS], taken[best])),
        ):
            found.figures[name] = found.ratios[name] = value


def gateway(asked: Settings, found: Found) -> None:
    """The HTTP clients alone, then whole gateways, all in front of one static upstream."""
    with upstream(asked.plan.nice) as service:
        alone = clients.measure(service, asked.plan)
        servers = gateways(service, asked.peers)
        taken = rounds.measure(servers, asked.plan)
    found.details["gateway upstream"] = upstream_name()
    _table(found, "clients", alone)
    _table(found, "gateway", taken)
    for name in alone:
        mine = f"{clients.KINDS[0]}-tls" if name.endswith("-tls") else clients.KINDS[0]
        if name != mine:
            found.ratios[f"clients throughput x {name}"] = times(alone[mine], alone[name])
            found.ratios[f"clients cpu x {name}"] = summary(alone[mine])["cpu_us"] / summary(alone[name])["cpu_us"]
    found.figures["gateway cpu us a call"] = found.tables["gateway"][GATEWAY]["cpu_us"]
    peers = [server.name for server in servers if not server.is_ours]
    _ratios(found, "gateway", taken, [name for name in peers if not name.endswith("-tls")], GATEWAY)
    _ratios(found, "gateway", taken, [name for name in peers if name.endswith("-tls")], GATEWAY_TLS)


def delays(asked: Settings, found: Found) -> None:
    """What is added to an answer that takes 20 ms, plain and over TLS to the upstream."""
    if "nginx" in gateways_missing():
        found.details["added ms"] = "nginx is not on this machine"
        return
    for tls, said in ((False, ""), (True, " over TLS")):
        taken = late.measure(asked.plan, tls=tls)
        mine, nginx = taken[late.OURS], taken[late.NGINX]
        found.details[f"added ms{said}"] = {name: asdict(each) for name, each in taken.items()}
        name = f"gateway added p50 at c=1 x nginx{said}"
        found.figures[name] = found.ratios[name] = mine.lone_p50_ms / nginx.lone_p50_ms
        found.figures[f"gateway added p99 at c=64{said}"] = mine.busy_p99_ms


def streamed(asked: Settings, found: Found) -> None:
    """Streams unpaced, at a pace (plain and over TLS to the upstream), and a thousand at once."""
    if "nginx" in gateways_missing():
        found.details["streams"] = "nginx is not on this machine"
        return
    fast = streams.unpaced(asked.plan)
    found.details["streams unpaced"] = {name: asdict(each) for name, each in fast.items()}
    for way in (streams.SAME, streams.TRANSLATED):
        name = f"streams chunks x nginx, {way}"
        found.figures[name] = found.ratios[name] = fast[way].times_nginx
        found.ratios[f"streams cpu a chunk x nginx, {way}"] = fast[way].cpu_us / fast[streams.NGINX].cpu_us
    for tls, said in ((False, ""), (True, " over TLS")):
        taken = streams.paced(asked.plan, tls=tls)
        found.details[f"streams at a pace{said}"] = {name: asdict(each) for name, each in taken.items()}
        same = taken[streams.SAME]
        found.figures[f"streams first chunk added p50{said}"] = same.added_p50_ms
        found.figures[f"streams first chunk added p99{said}"] = same.added_p99_ms
        found.figures[f"streams chunks glued at pace{said}"] = same.glued_share
    crowd = streams.many(asked.plan)
    found.details["streams, a thousand"] = asdict(crowd)
    found.figures["streams memory of 1000"] = crowd.memory_mb
    found.figures["streams silent of 1000"] = crowd.silent


def overloaded(asked: Settings, found: Found) -> None:
    """S1 with a deadline of 100 ms at twice its peak."""
    server = ours("headworks-overload", MODELS / "s1_overload.yaml", "dot")
    result = overload.measure(server, max(2, asked.plan.rounds // 2), 2 * asked.plan.busy_s, asked.plan.nice)
    found.details["overload"] = asdict(result)
    found.figures["overload goodput of peak"] = result.goodput_share
    found.figures["overload p99 of accepted of deadline"] = result.accepted_p99_ms / overload.DEADLINE_MS


def memory(asked: Settings, found: Found) -> None:
    """The front idle and after many calls: 10^6 in a long run, else 10^5."""
    server = ours("headworks-memory", MODELS / "s1.py", "dot")
    result = footprint.memory(server, 1_000_000 if asked.is_long else 100_000, asked.plan.nice)
    found.details["memory"] = result
    found.figures["front memory idle (PSS)"] = result["front_pss_idle_mb"]
    found.figures["front memory idle (RSS)"] = result["front_rss_idle_mb"]
    if asked.is_long:
        found.figures["front memory growth over the calls"] = result["front_rss_growth"]


def starting(asked: Settings, found: Found) -> None:
    """From the command to the first 200, beside the peers; and the import alone."""
    often = asked.plan.rounds
    found.figures["start to first 200"] = footprint.start_s(_new_home, often, asked.plan.nice)
    taken = {OURS: found.figures["start to first 200"]}
    for peer in _chosen(asked, "s1"):
        taken[peer.name] = footprint.start_s(partial(_same, peer), 1 if peer.slow else often, asked.plan.nice)
    found.details["start s"] = taken
    if "mosec" in taken:
        found.ratios["start x mosec"] = taken[OURS] / taken["mosec"]
    imported = footprint.importing(ensure_ours(), 7)
    found.details["import headworks"] = imported
    found.figures["import headworks"] = imported["ms"]


def installed(asked: Settings, found: Found) -> None:
    """The core alone in a fresh environment."""
    result = footprint.installation()
    found.details["core install"] = result
    found.figures["core install"] = result["venv_mb"]
    found.figures["core direct dependencies"] = result["direct_dependencies"]


def recorded(asked: Settings, found: Found) -> None:
    """A store of 10^7 records in a long run, else of 10^5, which shows only that the measure works."""
    result = stored.measure(10_000_000 if asked.is_long else 100_000, asked.plan)
    found.details["records"] = result
    if asked.is_long:
        found.figures["records 10^7: latency x of an empty store"] = result["single_latency_x"]
        found.ratios["records 10^7: latency x of an empty store"] = result["single_latency_x"]
        found.ratios["records 10^7: throughput x of an empty store"] = result["throughput_x"]
        found.figures["records 10^7: verify"] = result["verify_per_s"]
        found.figures["records 10^7: one proof"] = result["proof_ms"]


PARTS: Mapping[str, Callable[[Settings, Found], None]] = {
    "s1": s1,
    "s2": s2,
    "gateway": gateway,
    "delays": delays,
    "streams": streamed,
    "overload": overloaded,
    "start": starting,
    "memory": memory,
    "install": installed,
    "records": recorded,
}


def run(names: list[str], asked: Settings) -> Found:
    """Run the named parts, one after the other."""
    found = Found()
    for name in names:
        say(name)
        PARTS[name](asked, found)
    errors = [row["errors"] for table in found.tables.values() for row in table.values()]
    if errors:
        found.figures["errors in all slices"] = sum(errors)
    return found


def _same(server: Server) -> Server:
    return server


def _new_home() -> Server:
    return ours("headworks-start", MODELS / "s1.py", "dot")


def _chosen(asked: Settings, scenario: str) -> list[Server]:
    return [server for server in PEERS_OF[scenario] if server.name.partition("-")[0] in asked.peers]


def _names(asked: Settings, scenario: str) -> list[str]:
    return [server.name for server in _chosen(asked, scenario)]


def _table(found: Found, scenario: str, taken: Mapping[str, list[Round]]) -> None:
    found.tables[scenario] = {name: summary(each) for name, each in taken.items()}


def _ratios(found: Found, scenario: str, taken: Mapping[str, list[Round]], names: list[str], first: str = OURS) -> None:
    """Throughput and CPU against each peer, within the round: for a slow peer within the one beside it."""
    for name in names:
        mine = taken.get(beside_name(first, name), taken[first])
        found.figures[f"{scenario} throughput x {name}"] = times(mine, taken[name])
        found.ratios[f"{scenario} throughput x {name}"] = times(mine, taken[name])
        found.ratios[f"{scenario} cpu x {name}"] = summary(mine)["cpu_us"] / summary(taken[name])["cpu_us"]
