"""Who we are in each cloud: put together without a request, and every lack told with its mend."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.auth.aws import Credentials as Federated
from google.auth.compute_engine import Credentials as ServiceAccount

from pointsman.boot.identity import SESSION_NAME, aws_credentials, google_credentials
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud, Fabric
from pointsman.testing.loopback import LoopbackServer, Reply, Request
from pointsman.testing.processes import clean_environment
from tests.boot.conftest import Setting
from tests.boot.silence import silence

POOL = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws/providers/aws"
FEDERATED: dict[str, Any] = {
    "type": "external_account",
    "audience": POOL,
    "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
    "token_url": "https://sts.googleapis.com/v1/token",
    "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/p@x.iam.gserviceaccount.com:generateAccessToken",
    "credential_source": {
        "environment_id": "aws1",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    },
}
USER = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


def identity_file(tmp_path: Path, content: object) -> Settings:
    (tmp_path / "id.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return Settings(google_identity=str(tmp_path / "id.json"))


def test_on_aws_google_is_reached_by_federation_and_putting_it_together_asks_nobody(tmp_path: Path) -> None:
    with silence() as tried:
        found = google_credentials(identity_file(tmp_path, FEDERATED), Cloud.AWS)
    assert isinstance(found, Federated)
    assert found.scopes == ("https://www.googleapis.com/auth/cloud-platform",)
    assert tried == []


def test_on_google_the_functions_own_service_account_is_used_and_putting_it_together_asks_nobody() -> None:
    with silence() as tried:
        found = google_credentials(Settings(), Cloud.GCP)
    assert isinstance(found, ServiceAccount)
    assert tried == []


def test_a_users_own_file_is_taken_too(tmp_path: Path) -> None:
    with silence() as tried:
        assert google_credentials(identity_file(tmp_path, USER), Cloud.GCP) is not None
    assert tried == []


def test_on_aws_without_a_file_the_setting_is_named() -> None:
    with (
        silence() as tried,
        pytest.raises(ConfigError, match="no identity for Google: set POINTSMAN_GOOGLE_IDENTITY to the external_account"),
    ):
        google_credentials(Settings(), Cloud.AWS)
    assert tried == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: cannot be read \(No such file.*POINTSMAN_GOOGLE_IDENTITY"):
        google_credentials(Settings(google_identity=str(tmp_path / "none.json")), Cloud.AWS)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        {"type": "external_account"},
        {"type": "unheard-of", "hunter2": "hunter2"},
        FEDERATED | {"credential_source": {}},
        FEDERATED | {"credential_source": "hunter2"},
        {key: value for key, value in USER.items() if key != "refresh_token"},
        {"type": "service_account", "private_key": "hunter2"},
    ],
)
def test_a_file_that_holds_no_identity_is_named_and_its_content_is_not(tmp_path: Path, content: object) -> None:
    settings = identity_file(tmp_path, content)
    with pytest.raises(ConfigError, match=r"id\.json: no identity that Google takes") as caught:
        google_credentials(settings, Cloud.AWS)
    assert "hunter2" not in str(caught.value)


def test_a_token_is_fetched_once_for_everything_that_goes_to_google() -> None:
    reach = Reach(Settings(google_identity="emulator"), Cloud.AWS, "us-east-1")
    assert reach.google() is reach.google()
    assert reach.google_identity() is reach.google_identity()


def test_keys_are_fetched_once_for_everything_that_goes_to_aws(lite: Fabric, setting: Setting) -> None:
    setting(lite, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    reach = Reach(Settings(), Cloud.GCP, "us-east-1")
    assert reach.aws_keys() is reach.aws_keys()


@pytest.mark.parametrize("own", list(Cloud))
def test_keys_in_the_environment_are_used_and_nobody_is_asked(own: Cloud, lite: Fabric, setting: Setting) -> None:
    setting(lite, AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="s", AWS_SESSION_TOKEN="t")
    with silence() as tried:
        found = aws_credentials(Settings(), "us-east-1", own)
    assert (found.access_key, tried) == ("AKIA", [])


@pytest.mark.parametrize("own", list(Cloud))
def test_without_keys_the_settings_are_named(own: Cloud, lite: Fabric, setting: Setting) -> None:
    setting(lite)
    with pytest.raises(
        ConfigError,
        match=r"no credentials for AWS: (set POINTSMAN_AWS_ROLE and POINTSMAN_AWS_AUDIENCE|give the function a role, or in a shell)",
    ):
        aws_credentials(Settings(), "us-east-1", own)


def test_on_google_no_metadata_server_is_taken_for_aws_own(lite: Fabric, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting(lite)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with silence() as tried, pytest.raises(ConfigError):
        aws_credentials(Settings(), "us-east-1", Cloud.GCP)
    assert tried == []


def test_half_a_pair_of_keys_is_told(lite: Fabric, setting: Setting) -> None:
    setting(lite, AWS_ACCESS_KEY_ID="AKIA")
    with pytest.raises(ConfigError, match=r"cannot be used \(PartialCredentialsError\): check the AWS_ variables"):
        aws_credentials(Settings(), "us-east-1", Cloud.GCP)


def test_a_role_is_put_together_without_a_request() -> None:
    settings = Settings(aws_role="arn:aws:iam::111122223333:role/pointsman", aws_audience="pointsman")
    with silence() as tried:
        found = aws_credentials(settings, "us-east-1", Cloud.GCP)
    assert (found.method, tried) == ("assume-role-with-web-identity", [])


ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>r:s</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/pointsman/s</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
DENIED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>hunter2</Message></Error></ErrorResponse>"""
FLAVOR = {"Metadata-Flavor": "Google", "Content-Type": "application/text"}
TOKEN = "e30.eyJleHAiOjQwNzA5MDg4MDB9.c2ln"
"""A token without a signature that ends in 2099."""
SIGN = """
import asyncio
from pointsman.adapters.aws.signed import SignedJson
from pointsman.adapters.http import Unreached
from pointsman.boot.reach import Reach
from pointsman.boot.settings import read_settings
from pointsman.core.fabric import Cloud
reach = Reach(read_settings(), Cloud.GCP, "us-east-1")
try:
    for _ in range(3):
        print(asyncio.run(reach.signed("ssm", "us-east-1", "AmazonSSM", "1.1").ask("GetParameters", {"Names": ["/f"]})).status)
except Unreached as error:
    print(error)
"""


class Google:
    """A metadata server, and an AWS with a token service and one more service."""

    def __init__(self, *, allows: bool) -> None:
        self.allows = allows
        self.seen: list[str] = []

    def answer(self, request: Request) -> Reply:
        self.seen.append(
            f"{request.path} {request.query.get('audience', '')} {request.body.decode()} {request.headers.get('Authorization', '')}"
        )
        if request.path.endswith("/identity"):
            return Reply(body=TOKEN.encode(), headers=FLAVOR)
        if request.path.startswith("/computeMetadata"):
            return Reply(
                body=b'{"email": "robot@weft-prod-1.iam.gserviceaccount.com"}', headers=FLAVOR | {"Content-Type": "application/json"}
            )
        if b"AssumeRoleWithWebIdentity" in request.body:
            return Reply(body=ANSWER.encode()) if self.allows else Reply(status=403, body=DENIED.encode())
        return Reply(headers=FLAVOR)

    def run(self) -> str:
        """Sign three requests in a fresh process on this Google."""
        with LoopbackServer(self.answer) as server:
            env = clean_environment(
                {
                    "GCE_METADATA_HOST": server.address,
                    "GCE_METADATA_ROOT": server.address,
                    "GCE_METADATA_IP": server.address,
                    "POINTSMAN_AWS_ROLE": "arn:aws:iam::111122223333:role/pointsman",
                    "POINTSMAN_AWS_AUDIENCE": "pointsman-audience",
                    "POINTSMAN_ENDPOINTS": json.dumps({"sts": server.url, "ssm": server.url}),
                }
            )
            env.pop("NO_GCE_CHECK")
            done = subprocess.run([sys.executable, "-c", SIGN], env=env, capture_output=True, text=True, check=False, timeout=60)
        return done.stdout.strip() or done.stderr

    def count(self, what: str) -> int:
        return sum(what in one for one in self.seen)


def test_from_google_a_role_is_assumed_once_with_the_accounts_own_token() -> None:
    google = Google(allows=True)
    assert google.run() == "200\n200\n200"
    assert google.count("/identity pointsman-audience") == 1
    assert google.count(f"WebIdentityToken={TOKEN}") == 1
    assert google.count("AssumeRoleWithWebIdentity") == 1
    assert google.count(f"RoleSessionName={SESSION_NAME}") == 1
    assert google.count("Credential=ASIAROLE/") == 3


def test_a_role_that_cannot_be_assumed_is_an_unreached_service_and_no_crash() -> None:
    said = Google(allows=False).run()
    assert said == "no credentials for AWS (CredentialRetrievalError): check the role and its trust policy"
