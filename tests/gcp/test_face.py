"""Google's face behaves as Compute Engine is known to: operations, fences, merge patches, repeats, and faults on request."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pointsman.adapters.gcp.http import Answer, GoogleHttp, Unanswered
from pointsman.core.fabric import Fabric
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.faces.timing import ScaledTime
from pointsman.testing.gcp.answers import ApiError
from pointsman.testing.gcp.language import parse
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.policies import Act, Action, Match, Term
from tests.gcp.conftest import LATENCY, Cloud, opened, run

REGION = "/compute/v1/projects/weft-prod-1/regions/us-east4"
ROUTER = f"{REGION}/routers/cr-aws-1"
GLOBAL = "/compute/v1/projects/weft-prod-1/global"
ALL_OFF = [{"priority": 1, "actions": [{"expression": "drop()"}]}]


def ask(cloud: Cloud, method: str, path: str, body: object = None, **query: str) -> Answer:
    return run(cloud.http.ask(method, cloud.face.url + path, body=body, query=query))


def policy(cloud: Cloud, name: str) -> dict[str, Any]:
    return dict(ask(cloud, "GET", f"{ROUTER}/getRoutePolicy", policy=name).json()["resource"])


def put(cloud: Cloud, body: dict[str, Any], call: str = "patchRoutePolicy", **query: str) -> Answer:
    return ask(cloud, "POST", f"{ROUTER}/{call}", body, **query)


def reason(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["errors"][0]["reason"]


def test_a_policy_write_needs_the_newest_fingerprint_and_gives_a_new_one(cloud: Cloud) -> None:
    held = policy(cloud, "to-ix-a")
    assert put(cloud, held | {"terms": ALL_OFF}).ok
    assert policy(cloud, "to-ix-a")["fingerprint"] != held["fingerprint"]
    assert reason(put(cloud, held)) == (412, "conditionNotMet")
    assert reason(put(cloud, {"name": "to-ix-a", "type": held["type"]})) == (412, "conditionNotMet")


def test_an_update_creates_a_policy_that_a_patch_does_not(cloud: Cloud) -> None:
    body = {"name": "fresh", "type": "ROUTE_POLICY_TYPE_IMPORT", "terms": ALL_OFF}
    assert put(cloud, body).status == 404
    assert put(cloud, body, "updateRoutePolicy").ok
    assert policy(cloud, "fresh")["terms"] == ALL_OFF


def test_a_policy_in_use_cannot_be_deleted_and_a_loose_one_can(cloud: Cloud) -> None:
    put(cloud, {"name": "fresh", "type": "ROUTE_POLICY_TYPE_IMPORT"}, "updateRoutePolicy")
    assert reason(ask(cloud, "POST", f"{ROUTER}/deleteRoutePolicy", policy="to-ix-a")) == (400, "resourceInUseByAnotherResource")
    assert ask(cloud, "POST", f"{ROUTER}/deleteRoutePolicy", policy="fresh").ok
    assert ask(cloud, "GET", f"{ROUTER}/getRoutePolicy", policy="fresh").status == 404


def test_a_mutation_takes_effect_when_its_operation_ends_and_keeps_the_router_busy_until_then(slow_cloud: Cloud) -> None:
    held = policy(slow_cloud, "to-ix-a")
    operation = put(slow_cloud, held | {"terms": ALL_OFF}).json()
    assert operation["status"] == "RUNNING"
    assert policy(slow_cloud, "to-ix-a") == held
    assert reason(put(slow_cloud, policy(slow_cloud, "from-ix-a"))) == (400, "resourceNotReady")
    slow_cloud.past(LATENCY)
    done = ask(slow_cloud, "POST", f"{REGION}/operations/{operation['name']}/wait").json()
    assert (done["status"], policy(slow_cloud, "to-ix-a")["terms"]) == ("DONE", ALL_OFF)


def test_a_wait_is_held_until_the_operation_ends(fabric: Fabric) -> None:
    for cloud in opened(fabric, ScaledTime(), 0.1):
        operation = put(cloud, policy(cloud, "to-ix-a") | {"terms": ALL_OFF}).json()
        assert ask(cloud, "POST", f"{REGION}/operations/{operation['name']}/wait").json()["status"] == "DONE"
        assert policy(cloud, "to-ix-a")["terms"] == ALL_OFF


def test_an_equal_request_id_is_answered_with_the_first_operation_and_changes_nothing(cloud: Cloud) -> None:
    held = policy(cloud, "to-ix-a")
    first = put(cloud, held | {"terms": ALL_OFF}, requestId="one").json()
    again = put(cloud, held | {"terms": []}, requestId="one").json()
    assert (again["name"], policy(cloud, "to-ix-a")["terms"]) == (first["name"], ALL_OFF)


def test_a_refused_request_id_may_be_used_again(cloud: Cloud) -> None:
    held = policy(cloud, "to-ix-a")
    assert put(cloud, held | {"fingerprint": "eA=="}, requestId="one").status == 412
    assert put(cloud, held, requestId="one").ok


def test_a_router_patch_replaces_arrays_whole_removes_nulls_and_keeps_the_rest(cloud: Cloud) -> None:
    before = ask(cloud, "GET", ROUTER).json()
    one = before["bgpPeers"][0] | {"bfd": None}
    assert ask(cloud, "PATCH", ROUTER, {"bgpPeers": [one], "description": "x", "bgp": {"keepaliveInterval": None}}).ok
    after = ask(cloud, "GET", ROUTER).json()
    assert [peer["name"] for peer in after["bgpPeers"]] == ["aws-a"]
    assert (after["description"], after["bgp"]) == ("x", {"asn": 16550, "advertiseMode": "DEFAULT"})
    assert after["network"] == before["network"]


def test_a_patch_that_names_a_policy_that_is_not_there_is_refused(cloud: Cloud) -> None:
    peers = ask(cloud, "GET", ROUTER).json()["bgpPeers"]
    assert ask(cloud, "PATCH", ROUTER, {"bgpPeers": [peers[0] | {"importPolicies": ["nothing"]}]}).status == 404
    assert reason(ask(cloud, "PATCH", ROUTER, {"bgpPeers": [peers[0] | {"importPolicies": ["to-ix-a"]}]})) == (400, "invalid")
    assert reason(ask(cloud, "PATCH", ROUTER, {"bgpPeers": [peers[0], peers[0]]})) == (400, "invalid")


def test_a_drop_of_everything_shows_in_the_routes_and_in_the_traffic(cloud: Cloud) -> None:
    put(cloud, policy(cloud, "to-ix-a") | {"terms": ALL_OFF})
    query = {"peer": "aws-a", "addressFamily": "IPV4", "routeType": "ADVERTISED", "policyApplied": "true"}
    assert ask(cloud, "GET", f"{ROUTER}/listBgpRoutes", **query).json()["result"] == []
    assert cloud.links("checkout") == ({"ix-b"}, {"ix-a", "ix-b"})


def test_listing_routes_needs_a_peer_a_type_and_a_family(cloud: Cloud) -> None:
    assert reason(ask(cloud, "GET", f"{ROUTER}/listBgpRoutes", peer="aws-a", routeType="LEARNED")) == (400, "required")
    learned = ask(
        cloud, "GET", f"{ROUTER}/listBgpRoutes", peer="aws-a", routeType="LEARNED", addressFamily="IPV4", destinationPrefix="10.20.0.0/15"
    )
    assert {one["destination"]["prefix"] for one in learned.json()["result"]} == {"10.20.0.0/16", "10.21.0.0/16"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.THROTTLED, (403, "rateLimitExceeded")),
        (FaultKind.DENIED, (403, "forbidden")),
        (FaultKind.BUSY, (400, "resourceNotReady")),
        (FaultKind.BROKEN, (503, "backendError")),
    ],
)
def test_a_fault_answers_as_google_does_does_nothing_and_is_used_up(cloud: Cloud, kind: FaultKind, expected: tuple[int, str]) -> None:
    held = policy(cloud, "to-ix-a")
    cloud.trouble("routers.patchRoutePolicy", kind)
    assert reason(put(cloud, held | {"terms": ALL_OFF})) == expected
    assert policy(cloud, "to-ix-a") == held
    assert put(cloud, held | {"terms": ALL_OFF}).ok


@pytest.mark.parametrize(("kind", "made"), [(FaultKind.UNANSWERED, False), (FaultKind.DONE_UNANSWERED, True)])
def test_an_unanswered_write_was_made_or_not(cloud: Cloud, kind: FaultKind, *, made: bool) -> None:
    cloud.trouble("routers.patchRoutePolicy", kind)
    with pytest.raises(Unanswered):
        put(cloud, policy(cloud, "to-ix-a") | {"terms": ALL_OFF})
    assert (policy(cloud, "to-ix-a")["terms"] == ALL_OFF) is made


def test_a_late_write_is_made_when_its_time_comes_and_checked_then(cloud: Cloud) -> None:
    held = policy(cloud, "to-ix-a")
    for name in ("to-ix-a", "from-ix-a"):
        cloud.trouble("routers.patchRoutePolicy", FaultKind.LATE, seconds=60)
        with pytest.raises(Unanswered):
            put(cloud, policy(cloud, name) | {"terms": ALL_OFF})
    assert put(cloud, held | {"description": "newer"}).ok
    cloud.past(59)
    assert policy(cloud, "from-ix-a")["terms"] != ALL_OFF
    cloud.past(2)
    assert policy(cloud, "from-ix-a")["terms"] == ALL_OFF
    assert policy(cloud, "to-ix-a")["terms"] != ALL_OFF


def test_a_stale_read_is_from_before_the_last_write(cloud: Cloud) -> None:
    held = policy(cloud, "to-ix-a")
    put(cloud, held | {"terms": ALL_OFF})
    cloud.trouble("routers.getRoutePolicy", FaultKind.STALE)
    assert policy(cloud, "to-ix-a") == held
    assert policy(cloud, "to-ix-a")["terms"] == ALL_OFF


def test_faults_and_the_log_are_reached_over_http(cloud: Cloud) -> None:
    fault = {"service": "compute", "operation": "routers.get", "kind": "throttled", "times": 2}
    assert ask(cloud, "POST", "/pointsman/faults", fault).ok
    assert ask(cloud, "GET", "/pointsman/faults").json()[0]["times"] == 2
    assert ask(cloud, "GET", ROUTER).status == 403
    assert ask(cloud, "DELETE", "/pointsman/faults").ok
    assert ask(cloud, "GET", ROUTER).ok
    entries = ask(cloud, "GET", "/pointsman/requests", since="0").json()
    assert [(entry["operation"], entry["status"]) for entry in entries] == [("routers.get", 403), ("routers.get", 200)]
    assert entries[0]["came"] <= entries[0]["went"] <= entries[1]["came"]
    assert ask(cloud, "DELETE", "/pointsman/requests").ok
    assert ask(cloud, "GET", "/pointsman/requests").json() == []
    assert ask(cloud, "POST", "/pointsman/faults", {"kind": "odd"}).status == 400
    assert ask(cloud, "GET", "/pointsman/health").json() == {"network_seconds": 0.0}
    assert ask(cloud, "GET", "/pointsman/odd").status == 404


def test_what_is_not_served_is_said_in_googles_words(cloud: Cloud) -> None:
    assert reason(ask(cloud, "GET", "/compute/v1/projects/p/zones/z/instances")) == (404, "notFound")
    assert reason(ask(cloud, "GET", f"{REGION}/routers/other")) == (404, "notFound")
    assert reason(ask(cloud, "PATCH", ROUTER, [1])) == (400, "parseError")
    assert ask(cloud, "GET", f"{REGION}/operations/nothing").status == 404


def test_a_static_route_is_made_once_by_its_name_and_deleted(cloud: Cloud) -> None:
    body = {
        "name": "pin-1",
        "network": f"https://www.googleapis.com{GLOBAL}/networks/core",
        "destRange": "10.20.0.0/24",
        "priority": 50,
        "nextHopVpnTunnel": f"https://www.googleapis.com{REGION}/vpnTunnels/ha-t1",
    }
    assert ask(cloud, "POST", f"{GLOBAL}/routes", body).ok
    assert reason(ask(cloud, "POST", f"{GLOBAL}/routes", body)) == (409, "alreadyExists")
    assert ask(cloud, "GET", f"{GLOBAL}/routes/pin-1").json()["priority"] == 50
    assert cloud.network.path_between("10.216.0.1", "10.20.0.1").to_aws.links == {"vpn": 1.0}
    assert ask(cloud, "DELETE", f"{GLOBAL}/routes/pin-1").ok
    assert ask(cloud, "GET", f"{GLOBAL}/routes").json()["items"] == []
    assert "vpn" not in cloud.network.path_between("10.216.0.1", "10.20.0.1").to_aws.links


@pytest.mark.parametrize(("region", "at", "link"), [("us-east4", 0, "east-vpn"), ("us-west1", 1, "west-vpn")])
def test_a_static_route_leads_over_the_tunnel_of_its_region_alone(tandem_cloud: Cloud, region: str, at: int, link: str) -> None:
    body = {
        "name": "pin-1",
        "network": f"https://www.googleapis.com{GLOBAL}/networks/core",
        "destRange": f"10.6{at}.5.0/24",
        "nextHopVpnTunnel": f"https://www.googleapis.com/compute/v1/projects/weft-prod-1/regions/{region}/vpnTunnels/ha-t1",
    }
    assert ask(tandem_cloud, "POST", f"{GLOBAL}/routes", body).ok
    assert tandem_cloud.network.path_between(f"10.16{at}.0.1", f"10.6{at}.5.1").to_aws.links == {link: 1.0}


def test_a_transports_routes_are_patched_under_a_mask(cloud: Cloud) -> None:
    path = "/v1/projects/weft-prod-1/locations/us-east4/transports/mc-1"
    assert ask(cloud, "PATCH", path, {"advertisedRoutes": ["10.216.0.0/20"]}).status == 400
    assert ask(cloud, "PATCH", path, {"advertisedRoutes": ["10.216.0.0/20"]}, updateMask="advertisedRoutes").ok
    assert ask(cloud, "GET", path).json()["advertisedRoutes"] == ["10.216.0.0/20"]
    listed = ask(cloud, "GET", path.rpartition("/")[0]).json()["transports"]
    assert [one["state"] for one in listed] == ["ACTIVE"]


def test_an_attachments_bandwidth_is_patched_in_place(cloud: Cloud) -> None:
    path = f"{REGION}/interconnectAttachments/vlan-a"
    assert ask(cloud, "PATCH", path, {"bandwidth": "BPS_5G"}).ok
    assert ask(cloud, "GET", path).json()["bandwidth"] == "BPS_5G"
    assert ask(cloud, "PATCH", path + "x", {"bandwidth": "BPS_5G"}).status == 404


def test_a_write_is_announced_under_its_callers_name(cloud: Cloud) -> None:
    cloud.face._principals["ours"] = "pointsman@weft-prod-1.iam.gserviceaccount.com"
    http = SignedHttp("ours")
    held = policy(cloud, "to-ix-a")
    assert run(http.ask("POST", f"{cloud.face.url}{ROUTER}/patchRoutePolicy", body=held | {"terms": ALL_OFF})).ok
    calls = [one for one in cloud.network.happenings if one.kind is Kind.API_CALL]
    assert calls[-1].details["principal"] == "pointsman@weft-prod-1.iam.gserviceaccount.com"


class SignedHttp(GoogleHttp):
    """Sends a fixed token."""

    def __init__(self, token: str) -> None:
        super().__init__(None)
        self._token = token

    async def _sign(self, method: str, url: str, headers: dict[str, str]) -> None:
        await super()._sign(method, url, headers)
        headers["authorization"] = f"Bearer {self._token}"


def term(*expressions: str, match: str | None = None, priority: int = 1) -> list[dict[str, Any]]:
    body: dict[str, Any] = {"priority": priority, "actions": [{"expression": text} for text in expressions]}
    return [body if match is None else body | {"match": {"expression": match}}]


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        (None, ()),
        ("true", ()),
        ("destination == '10.2.2.0/24'", (Match(prefix="10.2.2.0/24"),)),
        ("destination.inAnyRange([prefix('10.0.0.0/8').orLonger()])", (Match(prefix="10.0.0.0/8", or_longer=True),)),
        (
            'destination.inAnyRange([ prefix("10.0.0.0/8"), prefix("11.0.0.0/8").orLonger() ])',
            (Match(prefix="10.0.0.0/8"), Match(prefix="11.0.0.0/8", or_longer=True)),
        ),
        ("destination == '10.2.2.0/24' || destination == '10.3.0.0/16'", (Match(prefix="10.2.2.0/24"), Match(prefix="10.3.0.0/16"))),
    ],
)
def test_the_language_of_matches_is_read(match: str | None, matches: tuple[Match, ...]) -> None:
    assert parse(term("drop()", match=match)) == (Term(priority=1, matches=matches, actions=(Action(act=Act.DROP),)),)


def test_the_language_of_actions_is_read() -> None:
    ((*acts,),) = (
        [*one.actions]
        for one in parse(term("med.set(12345)", "med.add(5)", "asPath.prependSequence([1, 2])", "communities.add(['1:1'])", "accept()"))
    )
    assert acts == [
        Action(act=Act.MED_SET, value=12345),
        Action(act=Act.MED_ADD, value=5),
        Action(act=Act.PREPEND, as_path=(1, 2)),
        Action(act=Act.ACCEPT),
    ]


MANY = " || ".join(f"destination == '10.{n}.0.0/24'" for n in range(101))


@pytest.mark.parametrize(
    "terms",
    [
        term("explode()"),
        term("drop()", match="destination > 5"),
        term("drop()", match=MANY),
        term("asPath.prependSequence([1,1,1,1,1,1,1,1,1,1,1])"),
        term("drop()", priority=-1),
        term("drop()") + term("accept()"),
        [term("drop()", priority=n)[0] for n in range(1_001)],
        [{"priority": "x"}],
        [{"priority": 1, "actions": [{}]}],
    ],
)
def test_a_text_outside_the_language_or_its_limits_is_refused(terms: list[dict[str, Any]]) -> None:
    with pytest.raises(ApiError) as caught:
        parse(terms)
    assert caught.value.status == 400


def test_a_refused_policy_leaves_the_old_one(cloud: Cloud) -> None:
    held = policy(cloud, "to-ix-a")
    assert reason(put(cloud, held | {"terms": term("explode()")})) == (400, "invalid")
    assert policy(cloud, "to-ix-a") == held


def test_calls_of_many_threads_are_answered_one_by_one(cloud: Cloud) -> None:
    held = policy(cloud, "to-ix-a")
    writes: list[Callable[[], Answer]] = [lambda: put(cloud, held | {"terms": ALL_OFF})] * 8
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(answer.status for answer in pool.map(lambda write: write(), writes))
    assert statuses == [200] + [412] * 7
