"""The commands that order something, over files of this machine and flags on the loopback device."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.decide import decide, first_plan
from pointsman.core.fabric import Cloud, Fabric, LinkName, Mode, Stores
from pointsman.core.plan import DrainCause, FlagState, Plan, View
from pointsman.core.sightings import Health, Sighting
from pointsman.core.values import canonical, parse, replace
from pointsman.service.registers import Registers
from pointsman.testing.loopback import LoopbackServer, Reply, Request, as_json
from pointsman.testing.processes import clean_environment
from tests.cli.test_adopt_command import CLOSED, SERVICES
from tests.core.scene import G, aws_probe, fabric, gcp_probe, healthy, link, vpn

SLOTS = ("aws", "gcp", "witness")
WHO = ("--author", "operator", "--reason", "fibre works")


@dataclass
class Flags:
    """Parameter Store and Secret Manager, as far as one flag in each goes."""

    aws: str = ""
    gcp: str = ""
    urls: dict[str, str] = field(default_factory=dict)
    woken: set[str] = field(default_factory=set)

    def sqs(self, request: Request) -> Reply:
        self.woken.add(json.loads(json.loads(request.body)["MessageBody"])["pointsman"])
        return as_json({"MessageId": "m", "MD5OfMessageBody": ""})

    def pubsub(self, request: Request) -> Reply:
        self.woken.add(request.path)
        return as_json({"messageIds": ["1"]})

    def parameters(self, request: Request) -> Reply:
        body = json.loads(request.body)
        if request.headers["X-Amz-Target"].endswith("PutParameter"):
            self.aws = body["Value"]
            return as_json({"Version": 1})
        (name,) = body["Names"]
        held = [{"Name": name, "Value": self.aws}] if self.aws else []
        return as_json({"Parameters": held, "InvalidParameters": [] if held else [name]})

    def secrets(self, request: Request) -> Reply:
        if request.path.endswith(":addVersion"):
            self.gcp = base64.b64decode(json.loads(request.body)["payload"]["data"]).decode()
            return as_json({"name": f"{request.path.removesuffix(':addVersion')}/versions/1"})
        absent = {"error": {"code": 404, "message": "Secret not found or has no versions.", "status": "NOT_FOUND"}}
        return as_json({"payload": {"data": base64.b64encode(self.gcp.encode()).decode()}}) if self.gcp else as_json(absent, 404)


@pytest.fixture
def flags() -> Iterator[Flags]:
    held = Flags()
    with ExitStack() as stack:
        held.urls["ssm"] = stack.enter_context(LoopbackServer(held.parameters)).url
        held.urls["sqs"] = stack.enter_context(LoopbackServer(held.sqs)).url
        held.urls["pubsub"] = stack.enter_context(LoopbackServer(held.pubsub)).url
        held.urls["secretmanager"] = stack.enter_context(LoopbackServer(held.secrets)).url
        yield held


@dataclass(frozen=True)
class Shell:
    """A shell in a directory with a table and a compiled fabric."""

    path: Path
    fabric: Fabric
    flags: Flags

    def run(self, verb: str, *arguments: str, without: tuple[str, ...] = (), nudge: str = "") -> subprocess.CompletedProcess[str]:
        compiled = self.path / "fabric.json"
        compiled.write_bytes(write_compiled(self.fabric))
        endpoints = dict.fromkeys(SERVICES, CLOSED) | {name: url for name, url in self.flags.urls.items() if name not in without}
        environment = {
            "POINTSMAN_ENDPOINTS": json.dumps(endpoints),
            "POINTSMAN_GOOGLE_IDENTITY": "emulator",
            "POINTSMAN_NUDGE": nudge,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        argv = [str(Path(sys.executable).with_name("pointsman")), verb, str(compiled), *arguments]
        return subprocess.run(argv, env=clean_environment(environment), capture_output=True, text=True, timeout=60, check=False)

    def registers(self) -> Registers:
        stores = [SqliteStore(slot, self.path / f"{slot}.sqlite") for slot in SLOTS]
        return Registers(stores, clock=SystemClock(), nonce=nonce, jitter=jitter)

    def plan(self) -> Plan:
        value = asyncio.run(self.registers().read("plan/atlas")).value
        assert value is not None
        return parse(value, Plan)

    def decided(self, *rows: Sighting) -> Plan:
        """Note rows, and let a first plan follow from them."""
        now = SystemClock().now()
        fresh = tuple(replace(row, seen_at=now) for row in rows)
        flags = dict.fromkeys(Cloud, FlagState.CLEAR)
        plan = first_plan(self.fabric, now)
        for _ in range(2):  # nothing is proposed before there is a plan
            decided = decide(self.fabric, View(here=Cloud.AWS, rows=fresh, flags=flags), plan, now)
            assert isinstance(decided, Plan)
            plan = decided

        async def keep() -> None:
            registers = self.registers()
            await registers.change("plan/atlas", lambda _: canonical(plan).decode())
            await registers.rest(5)
            for cloud in Cloud:
                mine = [row for row in fresh if row.vantage.value.endswith(cloud.value)]
                await SqliteStore(cloud.value, self.path / f"{cloud}.sqlite").note(cloud, mine)

        asyncio.run(keep())
        return plan


@pytest.fixture
def shell(tmp_path: Path, flags: Flags) -> Shell:
    aws, gcp, witness = (f"sqlite://{tmp_path}/{slot}.sqlite" for slot in SLOTS)
    links = (link("ix-a", 10 * G, mode=Mode.RECOMMEND), link("ix-b", 10 * G), link("ix-c", 10 * G), vpn())
    return Shell(tmp_path, replace(fabric(*links), stores=Stores(aws=aws, gcp=gcp, witness=witness)), flags)


def all_healthy(shell: Shell) -> tuple[Sighting, ...]:
    return tuple(row for one in shell.fabric.links for row in healthy(one.name, 0))


def grey(shell: Shell) -> tuple[Sighting, ...]:
    well = tuple(row for row in all_healthy(shell) if "10.250.1.1" not in row.member)
    return (*well, *aws_probe("ix-a", Health.DOWN, 0), *gcp_probe("ix-a", Health.DOWN, 0))


def test_a_freeze_sets_both_flags_and_the_plan_and_a_thaw_clears_them(shell: Shell) -> None:
    shell.decided(*all_healthy(shell))
    done = shell.run("freeze", *WHO, "--for", "2h")
    assert (done.returncode, done.stderr) == (0, "")
    assert shell.flags.aws.startswith("frozen until 20")
    assert shell.flags.gcp == shell.flags.aws
    assert shell.flags.aws.endswith("by operator: fibre works")
    freeze = shell.plan().freeze
    assert freeze is not None
    assert freeze.author == "operator"
    refused = shell.run("drain", "ix-b", *WHO)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "thaw first" in refused.stderr
    thawed = shell.run("thaw", *WHO)
    assert thawed.returncode == 0
    assert (shell.flags.aws.split()[0], shell.flags.gcp.split()[0], shell.plan().freeze) == ("clear", "clear", None)


def test_bytes_that_are_no_text_are_kept_escaped_in_a_freeze_and_a_drain(shell: Shell) -> None:
    shell.decided(*all_healthy(shell))
    drained = shell.run("drain", "ix-a", "--author", "kim\udcff", "--reason", "works \udcfe")
    assert (drained.returncode, drained.stderr) == (0, "")
    drain = shell.plan().links[LinkName("ix-a")].drain
    assert drain is not None
    assert drain.by == "kim\\udcff: works \\udcfe"
    frozen = shell.run("freeze", "--author", "kim\udcff", "--reason", "works \udcfe")
    assert (frozen.returncode, frozen.stderr) == (0, "")
    assert shell.flags.aws.endswith("by kim\\udcff: works \\udcfe")


@pytest.mark.parametrize(("dark", "cloud", "other"), [("ssm", "aws", "gcp"), ("secretmanager", "gcp", "aws")])
def test_a_freeze_names_the_flag_that_it_missed_and_sets_the_other(shell: Shell, dark: str, cloud: str, other: str) -> None:
    shell.decided(*all_healthy(shell))
    done = shell.run("freeze", *WHO, without=(dark,))
    assert done.returncode == 1
    assert f"MISSED: the freeze flag of {cloud}" in done.stdout
    assert f"the freeze flag of {other} is frozen" in done.stdout
    assert str(getattr(shell.flags, other)).startswith("frozen")
    assert shell.plan().freeze is not None


def test_a_thaw_that_cannot_reach_a_flag_says_what_still_freezes(shell: Shell) -> None:
    shell.decided(*all_healthy(shell))
    shell.flags.aws = "frozen by hand"
    told = json.loads(shell.run("thaw", *WHO, "--json", without=("secretmanager",)).stdout)
    assert (told["complete"], told["written"], list(told["missed"])) == (False, ["aws"], ["gcp"])
    assert told["still"] == ["the freeze flag of gcp is unreadable"]


@pytest.mark.parametrize("dark", ["ssm", "secretmanager"])
def test_a_drain_is_agreed_with_either_cloud_out_of_reach_and_taken_back(shell: Shell, dark: str) -> None:
    shell.decided(*all_healthy(shell))
    done = shell.run("drain", "ix-b", *WHO, "--for", "30m", without=(dark,))
    assert (done.returncode, done.stderr) == (0, "")
    assert "drain ix-b: agreed since epoch" in done.stdout
    drain = shell.plan().links[LinkName("ix-b")].drain
    assert drain is not None
    assert drain.cause is DrainCause.ORDER
    assert shell.run("undrain", "ix-b", *WHO, without=(dark,)).returncode == 0


def test_the_functions_of_both_clouds_are_woken_and_a_queue_that_is_not_there_is_named(shell: Shell) -> None:
    shell.decided(*all_healthy(shell))
    both = f"{shell.flags.urls['sqs']}/1/pointsman, projects/weft-prod-1/topics/pointsman"
    done = shell.run("drain", "ix-b", *WHO, nudge=both)
    assert (done.returncode, "not woken" in done.stdout) == (0, False)
    assert shell.flags.woken == {"nudge", "/v1/projects/weft-prod-1/topics/pointsman:publish"}
    missed = shell.run("undrain", "ix-b", *WHO, nudge=both, without=("sqs",))
    assert (missed.returncode, missed.stdout.count("not woken")) == (0, 1)


def test_the_command_that_a_proposal_names_carries_it_out_and_no_other_hash_does(shell: Shell) -> None:
    plan = shell.decided(*grey(shell))
    assert plan.proposal is not None
    wrong = shell.run("approve", "0123456789abcdef", *WHO)
    assert wrong.returncode == 1
    assert "approval for another plan's hash" in wrong.stderr
    assert shell.plan() == plan
    assert shell.run("approve", plan.proposal.hash, *WHO).returncode == 0
    assert shell.plan().links[LinkName("ix-a")].drain is not None


def test_a_denied_proposal_and_an_ack_are_told(shell: Shell) -> None:
    plan = shell.decided(*grey(shell))
    assert plan.proposal is not None
    told = json.loads(shell.run("deny", plan.proposal.hash, *WHO, "--json").stdout)
    assert (told["verb"], told["epoch"], told["already"]) == ("deny", plan.epoch + 1, False)
    assert shell.plan().proposal == replace(plan.proposal, denied="operator: fibre works", expires_at=plan.proposal.expires_at)
    epoch = plan.links[LinkName("ix-a")].down_since_epoch
    assert shell.run("ack", f"ix-a@{epoch}", *WHO).returncode == 0


def test_a_repeated_command_with_one_key_is_one_order(shell: Shell) -> None:
    shell.decided(*all_healthy(shell))
    assert shell.run("drain", "ix-b", *WHO, "--key", "works-7").returncode == 0
    epoch = shell.plan().epoch
    again = shell.run("drain", "ix-b", *WHO, "--key", "works-7")
    assert (again.returncode, shell.plan().epoch) == (0, epoch)
    assert "nothing was left to do" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pin", "checkout>ix-a"), 1, "BGP leads it there"),
        (("drain", "ix-z"), 1, "there is no link ix-z"),
        (("drain", "ix-b", "--for", "soon"), 2, '--for "soon" is no span of time above zero'),
        (("drain", "ix-b", "--for", "1000h"), 1, "holds for 30 days at most"),
    ],
)
def test_what_is_wrong_is_said_in_words(shell: Shell, arguments: tuple[str, ...], code: int, said: str) -> None:
    plan = shell.decided(*all_healthy(shell))
    done = shell.run(arguments[0], *arguments[1:], *WHO)
    assert done.returncode == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert shell.plan() == plan


def test_without_a_majority_nothing_is_said_to_be_agreed(shell: Shell) -> None:
    shell.decided(*all_healthy(shell))
    for slot in SLOTS[:2]:
        for part in shell.path.glob(f"{slot}.sqlite*"):
            part.unlink()
        (shell.path / f"{slot}.sqlite").mkdir()
    done = shell.run("drain", "ix-b", *WHO)
    assert done.returncode == 2
    assert "no majority" in done.stderr
