"""A plain handler against one cloud and one store: what is written by hand when nothing has to be agreed.

It drains a virtual interface when its alarm goes off, once an event, by Powertools' idempotency. It asks nobody else,
keeps no plan, never fails back and opens no ticket: the bench shows what those cost beside it.
"""

from typing import Any

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from aws_lambda_powertools.utilities.typing import LambdaContext

TABLE = "reroute-events"
MINUTES = 30
INTERFACES = {"xc-dxvif-fgcoi6fa-bgp": "dxvif-fgcoi6fa"}

direct_connect = boto3.client("directconnect")
persistence = DynamoDBPersistenceLayer(table_name=TABLE)
config = IdempotencyConfig(event_key_jmespath="id", raise_on_no_idempotency_key=True)


@idempotent(persistence_store=persistence, config=config)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start a failover test on the interface whose alarm went off."""
    del context
    alarm = event["detail"]
    if alarm["state"]["value"] != "ALARM":
        return {"outcome": "nothing to do"}
    interface = INTERFACES[alarm["alarmName"]]
    started = direct_connect.start_bgp_failover_test(virtualInterfaceId=interface, testDurationInMinutes=MINUTES)
    return {"outcome": "drained", "test": started["virtualInterfaceTest"]["testId"]}
