"""How a function reaches both clouds from where it runs: one identity for each, so that a token is fetched once for all."""

from typing import TYPE_CHECKING

from pointsman.boot.identity import aws_credentials, google_credentials, witness_credentials
from pointsman.boot.once import Once
from pointsman.boot.settings import Settings
from pointsman.core.domains import StoreAddress
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud

if TYPE_CHECKING:
    from pointsman.adapters.aws.signed import SignedJson
    from pointsman.adapters.gcp.http import GoogleHttp
    from pointsman.boot.identity import AwsCredentials


class Reach:
    """The ways out of one function. ``home`` is the Region whose token service gives the keys for AWS. Safe to share between threads."""

    def __init__(self, settings: Settings, own: Cloud, home: str) -> None:
        self.settings = settings
        self.own = own
        self.google_identity = Once(lambda: google_credentials(settings, own))
        """Gives the credentials for Google. Raises ``ConfigError``."""
        self.google = Once(self._google)
        """Gives the client for Google's interfaces. Raises ``ConfigError``."""
        self.aws_keys = Once(lambda: aws_credentials(settings, home, own))
        """Gives the keys for AWS. Raises ``ConfigError``."""

    def _google(self) -> "GoogleHttp":
        from pointsman.adapters.gcp.http import GoogleHttp  # noqa: PLC0415 - on AWS it is needed late, so loaded late

        return GoogleHttp(self.google_identity())

    def signed(self, service: str, region: str, target: str, version: str = "1.0") -> "SignedJson":
        """Give the client of one AWS service, by signed HTTP alone. Raises ``ConfigError``."""
        from pointsman.adapters.aws.signed import SignedJson  # noqa: PLC0415 - on Google Cloud it is needed late

        endpoint = self.settings.endpoints.get(service)
        return SignedJson(service, region, self.aws_keys(), target=target, version=version, endpoint=endpoint)

    def bucket_keys(self, address: StoreAddress) -> "AwsCredentials":
        """Give the keys for a witness's bucket; our own AWS keys are shown to AWS alone. Raises ``ConfigError``."""
        keys = witness_credentials(self.settings)
        if keys is not None:
            return keys
        if address.provider != Cloud.AWS:
            raise ConfigError(f"no keys for the bucket at {address.place}: set POINTSMAN_WITNESS_KEY_ID and POINTSMAN_WITNESS_SECRET")
        return self.aws_keys()
