"""Who we are, in the own cloud and in the other: credentials are fetched on first use and kept until they expire."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.boot.settings import EMULATOR, Settings
from pointsman.core.errors import ConfigError

if TYPE_CHECKING:
    from botocore.credentials import Credentials as AwsCredentials
    from google.auth.credentials import Credentials as GoogleCredentials

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
SESSION_NAME = "pointsman-functions"
"""Role session name of our own AWS calls from Google: the wire recognises our own changes by its beginning."""


def google_credentials(settings: Settings) -> "GoogleCredentials":
    """Give credentials for Google: the function's own, an ``external_account`` file's, or the word that emulators let in.

    Raises ``ConfigError`` when there are none.
    """
    if settings.google_identity == EMULATOR:
        from google.oauth2.credentials import Credentials  # noqa: PLC0415

        return Credentials("owner")  # type: ignore[no-untyped-call]
    import google.auth  # noqa: PLC0415 - loaded where it is needed, not at start
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    try:
        if settings.google_identity:
            found, _ = google.auth.load_credentials_from_file(settings.google_identity, scopes=_SCOPES)  # type: ignore[no-untyped-call]
        else:
            found, _ = google.auth.default(scopes=_SCOPES)
    except (GoogleAuthError, OSError) as error:
        raise ConfigError(
            f"no identity for Google ({type(error).__name__}): set POINTSMAN_GOOGLE_IDENTITY to the external_account file"
        ) from error
    return found  # type: ignore[no-any-return]


def aws_credentials(settings: Settings, region: str) -> "AwsCredentials":
    """Give credentials for AWS: assumed with this service account's identity token, or what botocore finds by itself.

    Raises ``ConfigError`` when there are none.
    """
    from botocore.session import get_session  # noqa: PLC0415 - loaded where it is needed, not at start

    session = get_session()
    if settings.aws_role:
        return _assumed(settings, session, region)
    found = session.get_credentials()
    if found is None:
        raise ConfigError("no credentials for AWS: set POINTSMAN_AWS_ROLE and POINTSMAN_AWS_AUDIENCE, and let the role trust this account")
    return found


def _assumed(settings: Settings, session: Any, region: str) -> "AwsCredentials":
    from botocore.config import Config  # noqa: PLC0415
    from botocore.credentials import AssumeRoleWithWebIdentityCredentialFetcher, DeferredRefreshableCredentials  # noqa: PLC0415

    if not settings.aws_audience:
        raise ConfigError("POINTSMAN_AWS_ROLE needs POINTSMAN_AWS_AUDIENCE: the audience that the role's trust policy pins as oaud")

    def client(service: str, config: Any = None) -> Any:
        regional = Config(region_name=region, retries={"total_max_attempts": 2}).merge(config or Config())
        return session.create_client(service, config=regional)

    fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
        client_creator=client,
        web_identity_token_loader=lambda: _identity_token(settings.aws_audience),
        role_arn=settings.aws_role,
        extra_args={"RoleSessionName": SESSION_NAME},
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")


def _identity_token(audience: str) -> str:
    import urllib3  # noqa: PLC0415
    from google.auth.transport.urllib3 import Request  # noqa: PLC0415
    from google.oauth2.id_token import fetch_id_token  # noqa: PLC0415

    return str(fetch_id_token(Request(urllib3.PoolManager()), audience))  # type: ignore[no-untyped-call]


def witness_credentials(settings: Settings) -> "AwsCredentials | None":
    """Give the witness's own keys, None when it is AWS's own S3 and takes ours."""
    from botocore.credentials import Credentials  # noqa: PLC0415

    if not settings.witness_key_id:
        return None
    secret = settings.witness_secret
    return Credentials(settings.witness_key_id, Path(secret[1:]).read_text().strip() if secret.startswith("@") else secret)
