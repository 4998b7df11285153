"""Who we are, in the own cloud and in the other: credentials are put together without a request, fetched on first use, and kept until they expire."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.boot.settings import EMULATOR, Settings
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud
from pointsman.core.values import parse

if TYPE_CHECKING:
    from botocore.credentials import Credentials as Keys
    from google.auth.credentials import Credentials as Tokens

    AwsCredentials = Keys
    GoogleCredentials = Tokens

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_ASK_AWS = {
    Cloud.AWS: "give the function a role, or in a shell set AWS_PROFILE or the keys that the AWS command line takes",
    Cloud.GCP: "set POINTSMAN_AWS_ROLE and POINTSMAN_AWS_AUDIENCE, and let the role trust this account",
}
SESSION_NAME = "pointsman-functions"
"""Role session name of our own AWS calls from Google: the wire recognises our own changes by its beginning."""
STS_CONNECT_SECONDS = 1.0
STS_READ_SECONDS = 4.0
"""How long the token service may keep silent: as long as any other service of AWS."""


def google_credentials(settings: Settings, own: Cloud) -> "GoogleCredentials":
    """Give credentials for Google: those of the file that the settings name, else on Google Cloud the function's service account.

    Raises ``ConfigError`` when there are none.
    """
    if settings.google_identity == EMULATOR:
        from google.oauth2.credentials import Credentials  # noqa: PLC0415 - loaded where it is needed, not at start

        return Credentials("owner")  # type: ignore[no-untyped-call]
    if settings.google_identity:
        return _google_file(settings.google_identity)
    if own is not Cloud.GCP:
        raise ConfigError(
            "no identity for Google: set POINTSMAN_GOOGLE_IDENTITY to the external_account file of this role, "
            "or in a shell to the file that 'gcloud auth application-default login' writes"
        )
    from google.auth.compute_engine import Credentials as ServiceAccount  # noqa: PLC0415

    return ServiceAccount(scopes=_SCOPES)  # type: ignore[no-untyped-call]


def _google_file(path: str) -> "GoogleCredentials":
    """Load a file without the requests that google-auth's own loader makes to learn a project's name."""
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    try:
        return _google_identity(parse(Path(path).read_bytes(), dict[str, Any]))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): let POINTSMAN_GOOGLE_IDENTITY name the external_account file"
        ) from error
    except (GoogleAuthError, ValueError, TypeError, AttributeError) as error:
        text = f"{path}: no identity that Google takes ({type(error).__name__}): write it with 'gcloud iam workload-identity-pools create-cred-config'"
        raise ConfigError(text) from error


def _google_identity(info: dict[str, Any]) -> "GoogleCredentials":
    """Give the credentials that a file describes. Raises ValueError and google-auth's errors, and whatever its loaders stumble over."""
    match info.get("type"):
        case "external_account":
            from google.auth.aws import Credentials as Federated  # noqa: PLC0415

            return Federated.from_info(info, scopes=_SCOPES)  # type: ignore[no-untyped-call, no-any-return]
        case "service_account":
            from google.oauth2.service_account import Credentials as Robot  # noqa: PLC0415

            return Robot.from_service_account_info(info, scopes=_SCOPES)  # type: ignore[no-untyped-call, no-any-return]
        case "authorized_user":
            from google.oauth2.credentials import Credentials as User  # noqa: PLC0415

            return User.from_authorized_user_info(info)  # type: ignore[no-untyped-call, no-any-return]
        case _:
            raise ValueError("no type of identity that is known")


def aws_credentials(settings: Settings, region: str, own: Cloud) -> "AwsCredentials":
    """Give credentials for AWS: on AWS what botocore finds by itself, elsewhere the declared role's or the environment's.

    Raises ``ConfigError`` when there are none.
    """
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - loaded where it is needed, not at start
    from botocore.session import get_session  # noqa: PLC0415

    session = get_session()
    if settings.aws_role:
        return _assumed(settings, session, region)
    try:
        found = session.get_credentials() if own is Cloud.AWS else _of_environment(session)
    except BotoCoreError as error:
        raise ConfigError(f"the credentials for AWS cannot be used ({type(error).__name__}): check the AWS_ variables") from error
    if found is None:
        raise ConfigError(f"no credentials for AWS: {_ASK_AWS[own]}")
    return found


def _of_environment(session: Any) -> "AwsCredentials | None":
    """Look at the variables alone: outside AWS the rest of the chain asks a metadata server that is not AWS's."""
    return session.get_component("credential_provider").get_provider("env").load()  # type: ignore[no-any-return]


def _assumed(settings: Settings, session: Any, region: str) -> "AwsCredentials":
    from botocore.config import Config  # noqa: PLC0415
    from botocore.credentials import AssumeRoleWithWebIdentityCredentialFetcher, DeferredRefreshableCredentials  # noqa: PLC0415

    limits = Config(
        region_name=region, retries={"total_max_attempts": 2}, connect_timeout=STS_CONNECT_SECONDS, read_timeout=STS_READ_SECONDS
    )

    def client(service: str, config: Any = None) -> Any:
        return session.create_client(service, config=limits.merge(config or Config()), endpoint_url=settings.endpoints.get(service))

    fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
        client_creator=client,
        web_identity_token_loader=lambda: _identity_token(settings.aws_audience),
        role_arn=settings.aws_role,
        extra_args={"RoleSessionName": SESSION_NAME},
    )
    return DeferredRefreshableCredentials(lambda: _fetched(fetcher), "assume-role-with-web-identity")


def _fetched(fetcher: Any) -> dict[str, Any]:
    """Fetch a role's keys; every failure becomes the one kind that whoever signs a request knows as "no credentials"."""
    from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    try:
        return fetcher.fetch_credentials()  # type: ignore[no-any-return]
    except (BotoCoreError, ClientError, GoogleAuthError) as error:
        raise CredentialRetrievalError(provider="assume-role-with-web-identity", error_msg=type(error).__name__) from error


def _identity_token(audience: str) -> str:
    import urllib3  # noqa: PLC0415
    from google.auth.transport.urllib3 import Request  # noqa: PLC0415
    from google.oauth2.id_token import fetch_id_token  # noqa: PLC0415

    return str(fetch_id_token(Request(urllib3.PoolManager()), audience))  # type: ignore[no-untyped-call]


def witness_credentials(settings: Settings) -> "AwsCredentials | None":
    """Give the witness's own keys, None when none are set. Raises ``ConfigError`` when the file that holds the secret cannot be read."""
    from botocore.credentials import Credentials  # noqa: PLC0415

    if not settings.witness_key_id:
        return None
    return Credentials(settings.witness_key_id, _secret(settings.witness_secret))


def _secret(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{text[1:]}: cannot be read: let POINTSMAN_WITNESS_SECRET name the file that holds the secret, after @"
        ) from error
