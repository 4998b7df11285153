"""What an audit reads of Google's face, asked over plain HTTP."""

from typing import Any

from tests.gcp.conftest import Cloud, run

LOG = "projects/weft-prod-1/logs/cloudaudit.googleapis.com%2Factivity"


def entries(cloud: Cloud, **body: Any) -> tuple[int, dict[str, Any]]:
    asked = {"resourceNames": ["projects/weft-prod-1"], **body}
    answer = run(cloud.http.ask("POST", f"{cloud.face.url}/v2/entries:list", body=asked))
    return answer.status, answer.json()


def test_the_audit_log_lists_calls_by_project_log_and_time(cloud: Cloud) -> None:
    cloud.network.set_peer_priority("cr-aws-1", "aws-a", 120, principal="alice@example.com")
    cloud.past(3600)
    cloud.network.set_peer_priority("cr-aws-1", "aws-b", 120, principal="bob@example.com")
    newest = entries(cloud, filter=f'logName="{LOG}"', orderBy="timestamp desc", pageSize=1)[1]
    assert newest["entries"][0]["protoPayload"]["authenticationInfo"]["principalEmail"] == "bob@example.com"
    assert newest["nextPageToken"]
    since = cloud.face.world.moment(1800)
    late = entries(cloud, filter=f'logName="{LOG}" AND timestamp>="{since}"')[1]["entries"]
    assert {one["protoPayload"]["authenticationInfo"]["principalEmail"] for one in late} == {"bob@example.com"}
    assert entries(cloud, resourceNames=["projects/another"])[1]["entries"] == []


def test_what_the_face_does_not_understand_is_refused(cloud: Cloud) -> None:
    assert entries(cloud, filter="severity>=ERROR")[0] == 400
    assert entries(cloud, resourceNames=[])[0] == 400
