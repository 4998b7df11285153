"""Probes over real kernels' paths: two network namespaces with a router between them that drops, refuses and squeezes.

It needs root and ``ip``; what a machine lacks is said in the reason for which a test is skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

NEAR, FAR = "10.99.1.1", "10.99.2.1"
PLAY = """
import asyncio, json, sys
from pointsman.adapters.packets.prober import PacketProber
from pointsman.adapters.packets.responder import Responder
from pointsman.boot.chance import SystemClock, token_bytes
from pointsman.core.fabric import ProbePair, SiteName

KEY, PAIR = b"a key that both ends share", ProbePair(site=SiteName("near"), source="10.99.1.1", target="10.99.2.1")

async def respond():
    print(*await Responder([PAIR], KEY, SystemClock(), port=0).open(), flush=True)
    await asyncio.sleep(100)

async def send(port, count):
    bursts = [(await PacketProber(KEY, SystemClock(), token_bytes, port=port).burst([PAIR]))[0] for _ in range(count)]
    print(json.dumps([{"sent": one.sent, "lost": one.lost, "times": sorted(one.times), "fault": one.fault} for one in bursts]), flush=True)

asyncio.run(respond() if sys.argv[1] == "respond" else send(int(sys.argv[1]), int(sys.argv[2])))
"""


def run(*words: str, within: str = "") -> None:
    inside = ("ip", "netns", "exec", within) if within else ()
    subprocess.run([*inside, *words], check=True, capture_output=True, timeout=20)


def missing() -> str:
    """Say what this machine lacks for namespaces; "" when nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip"
    name = f"pm-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace can be made here: {made.stderr.strip()[:100]}"
    run("ip", "netns", "del", name)
    return ""


@dataclass
class Path:
    """near - middle - far."""

    near: str = field(default_factory=lambda: f"pm-near-{os.getpid()}")
    middle: str = field(default_factory=lambda: f"pm-middle-{os.getpid()}")
    far: str = field(default_factory=lambda: f"pm-far-{os.getpid()}")
    port: int = 0

    @property
    def names(self) -> tuple[str, str, str]:
        return self.near, self.middle, self.far

    def build(self) -> None:
        for name in self.names:
            run("ip", "netns", "add", name)
        for name, way, own, gateway in ((self.near, "way-near", NEAR, "10.99.1.254"), (self.far, "way-far", FAR, "10.99.2.254")):
            run("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", way, "netns", self.middle)
            run("ip", "addr", "add", f"{own}/24", "dev", "eth0", within=name)
            run("ip", "addr", "add", f"{gateway}/24", "dev", way, within=self.middle)
            run("ip", "link", "set", "dev", "eth0", "up", within=name)
            run("ip", "link", "set", "dev", way, "up", within=self.middle)
            run("ip", "route", "add", "default", "via", gateway, within=name)
        run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward", within=self.middle)

    def dropped(self, how: str, towards: str) -> None:
        """Let the router in the middle drop what goes to an address: ``blackhole`` in silence, ``unreachable`` with ICMP."""
        run("ip", "route", "replace", how, f"{towards}/32", within=self.middle)

    def healed(self) -> None:
        run("ip", "route", "flush", "type", "blackhole", within=self.middle)
        run("ip", "route", "flush", "type", "unreachable", within=self.middle)
        run("ip", "route", "replace", "default", "via", "10.99.1.254", within=self.near)
        subprocess.run(["ip", "netns", "exec", self.near, "tc", "qdisc", "del", "dev", "eth0", "root"], check=False, capture_output=True)

    def bursts(self, count: int = 1, *, port: int = 0) -> list[dict[str, Any]]:
        words = ["ip", "netns", "exec", self.near, sys.executable, "-c", PLAY, str(port or self.port), str(count)]
        told = subprocess.run(words, check=True, capture_output=True, text=True, timeout=40)
        found: list[dict[str, Any]] = json.loads(told.stdout)
        return found

    def shaped(self, *queue: str) -> None:
        """Set the near end's queue discipline; skips, with the kernel's words, where it has no such thing."""
        words = ["ip", "netns", "exec", self.near, "tc", "qdisc", "replace", "dev", "eth0", "root", *queue]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this kernel cannot do tc {queue[0]}: {done.stderr.strip()[:100]}")


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    why = missing()
    if why:
        pytest.skip(why)
    made = Path()
    try:
        made.build()
        words = ["ip", "netns", "exec", made.far, sys.executable, "-c", PLAY, "respond"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as far:
            assert far.stdout is not None
            made.port = int(far.stdout.readline().split(", ")[1].rstrip(")\n"))
            yield made
            far.kill()
    finally:
        for name in made.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def path(built: Path) -> Iterator[Path]:
    yield built
    built.healed()


def figures(path: Path, **more: int) -> tuple[int, int, str]:
    (one,) = path.bursts(**more)
    return one["sent"], one["lost"], one["fault"]


def test_a_sound_path_loses_nothing(path: Path) -> None:
    assert figures(path) == (20, 0, "")


@pytest.mark.parametrize("towards", [FAR, NEAR], ids=["there", "back"])
@pytest.mark.parametrize("how", ["blackhole", "unreachable"])
def test_a_router_that_drops_either_way_loses_everything(path: Path, how: str, towards: str) -> None:
    path.dropped(how, towards)
    assert figures(path) == (20, 20, "")


def test_what_comes_back_is_seen_by_the_next_burst(path: Path) -> None:
    path.dropped("blackhole", FAR)
    assert figures(path)[1] == 20
    path.healed()
    assert figures(path)[1] == 0


def test_a_near_end_without_a_way_out_blames_itself(path: Path) -> None:
    run("ip", "route", "del", "default", within=path.near)
    assert figures(path) == (0, 0, f"{NEAR} cannot send to {FAR}: Network is unreachable")


def test_a_far_end_where_nobody_listens_proves_the_path(path: Path) -> None:
    sent, _, fault = figures(path, port=9)
    assert (sent, "nobody listens there" in fault) == (0, True)


def test_a_path_that_is_too_narrow_loses_a_part(path: Path) -> None:
    path.shaped("tbf", "rate", "8kbit", "burst", "1000", "limit", "300")
    sent, lost, fault = figures(path)
    assert (sent, fault) == (20, "")
    assert 0 < lost < 20


def test_a_path_that_delays_is_measured(path: Path) -> None:
    path.shaped("netem", "delay", "20ms")
    (one,) = path.bursts()
    assert one["lost"] == 0
    assert all(time >= 0.02 for time in one["times"])


def test_a_path_that_loses_a_third_at_random_is_seen_to(path: Path) -> None:
    path.shaped("netem", "loss", "33%")
    lost = sum(one["lost"] for one in path.bursts(3))
    assert 5 <= lost <= 38, "20 of 60 packets, give or take four standard deviations"
