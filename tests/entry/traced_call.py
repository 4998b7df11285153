"""Calls one Lambda handler twice in a fresh process, as a worker would. Run with ``without`` it finds no X-Ray package."""

import sys
from dataclasses import dataclass

if "without" in sys.argv:
    sys.modules["aws_xray_sdk"] = None  # type: ignore[assignment]

from pointsman.boot.settings import read_settings
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud
from pointsman.entry.aws import lambda_entry
from tests.entry.surroundings import ending, world
from tests.entry.test_aws import EVENT, report
from tests.wire.samples import sample


@dataclass
class Context:
    aws_request_id: str = "1"


def main() -> None:
    surroundings = world(Cloud.AWS, settings=read_settings())
    use_case = ending(report)
    use_case.__name__ = "link_changed"
    handler = lambda_entry(use_case, surroundings.build)
    for _ in range(2):
        try:
            sys.stdout.write(f"answer {handler(sample(EVENT), Context())}\n")
        except ConfigError as error:
            sys.stdout.write(f"refused {error}\n")
    sys.stdout.write(f"loaded {'aws_xray_sdk.core' in sys.modules}\n")


main()
