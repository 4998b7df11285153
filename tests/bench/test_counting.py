"""The proxy in front of a store counts requests by the store's own names and passes everything on."""

import urllib3

from pointsman.testing.bench.counting import CountingProxy, operation_of
from pointsman.testing.emulators import free_port
from pointsman.testing.loopback import LoopbackServer, Reply, Request, as_json


def _echo(request: Request) -> Reply:
    told = {"method": request.method, "path": request.path, "query": request.query, "body": request.body.decode()}
    return as_json(told, status=412 if request.headers.get("If-Match") else 200, headers={"ETag": '"7"'})


def test_each_store_s_operations_have_its_own_names() -> None:
    assert operation_of("POST", "/", "DynamoDB_20120810.UpdateItem") == "UpdateItem"
    assert operation_of("POST", "/v1/projects/p/databases/d/documents:commit", "") == "commit"
    assert operation_of("PUT", "/bucket/register/plan:1", "") == "PUT"


def test_what_is_passed_on_arrives_and_is_answered_unchanged() -> None:
    with LoopbackServer(_echo) as store, CountingProxy(store.url) as proxy:
        reply = urllib3.request(
            "PUT", f"{proxy.url}/b/k?list-type=2&prefix=a%2Fb", body=b"value", headers={"If-Match": '"6"'}, retries=False
        )
    assert (reply.status, reply.headers["ETag"]) == (412, '"7"')
    assert reply.json() == {"method": "PUT", "path": "/b/k", "query": {"list-type": "2", "prefix": "a/b"}, "body": "value"}


def test_a_count_is_taken_once() -> None:
    with LoopbackServer(_echo) as store, CountingProxy(store.url) as proxy:
        for name in ("GetItem", "Query", "GetItem"):
            urllib3.request("POST", proxy.url, headers={"X-Amz-Target": f"DynamoDB_20120810.{name}"}, retries=False)
        assert proxy.take() == {"GetItem": 2, "Query": 1}
        assert proxy.take() == {}


def test_a_store_that_does_not_answer_is_no_answer_and_is_counted_all_the_same() -> None:
    with CountingProxy(f"http://127.0.0.1:{free_port()}") as proxy:
        try:
            urllib3.request("GET", f"{proxy.url}/b/k", retries=False)
        except urllib3.exceptions.HTTPError:
            answered = False
        else:
            answered = True
        assert not answered
        assert proxy.take() == {"GET": 1}
