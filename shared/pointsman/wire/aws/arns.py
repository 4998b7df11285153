"""Amazon Resource Names, as far as a link's members are named by them."""

from pointsman.wire.fields import Table


def resource_id(arn: str) -> str:
    """Give the last part of an ARN: ``vpn-0b2c`` of ``arn:aws:ec2:us-east-1:111122223333:vpn-connection/vpn-0b2c``.

    A plain identifier stays as it is. (The form is ``arn:partition:service:region:account:resource``.)
    """
    return arn.rpartition("/")[2] or arn if "/" in arn else arn.rpartition(":")[2] or arn


def id_under(table: Table, *keys: str) -> str:
    """Give the resource's id under the first of these keys that is there, empty when none is."""
    return next((resource_id(table.name(key)) for key in keys if table.name_or_empty(key)), "")
