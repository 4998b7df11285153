"""Read secrets from Secrets Manager by the names that a fabric uses: ``secret://NAME``."""

from typing import Any

from pointsman.adapters.aws.asking import Answered, ask
from pointsman.adapters.aws.clients import Clients
from pointsman.core.errors import ConfigError, PointsmanError, Transient

SCHEME = "secret://"


class Secrets:
    """Gives the text of a secret; nothing is kept, so that a rotated secret is met at the next use."""

    def __init__(self, clients: Clients, region: str) -> None:
        self._clients, self._region = clients, region

    async def get(self, reference: str) -> str:
        """Read ``secret://NAME``. Raises ``ConfigError`` (it is not there, or not for us) or ``Transient``."""
        name = reference.removeprefix(SCHEME)
        if name == reference or not name:
            raise ConfigError(f"a secret is named {SCHEME}NAME: mend the reference in the fabric")
        try:
            answer: Any = await ask(
                lambda: self._clients.secrets_manager(self._region).get_secret_value(SecretId=name), "secretsmanager:GetSecretValue"
            )
        except Answered as error:
            raise ConfigError(f"secret {name} cannot be read in {self._region}: {error}") from error
        except PointsmanError as error:
            raise Transient(f"secret {name} cannot be read now: {error}") from error
        if "SecretString" not in answer:
            raise ConfigError(f"secret {name} is binary: store it as text")
        return str(answer["SecretString"])
