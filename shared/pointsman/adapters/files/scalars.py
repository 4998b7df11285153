"""The single values of a fabric file: what each looks like, with an example of each."""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Any
from unicodedata import normalize
from urllib.parse import urlsplit

from pydantic import AfterValidator, PlainSerializer, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from pointsman.adapters.files import units
from pointsman.core.domains import store_address

SAMPLE_NAME = "example"
"""The name that examples give to a thing."""

NAME_PATTERN = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
"""A name of a site, link, flow, member or desk: at most 40 characters."""

ALARM_LIMIT = 255
"""Most characters of an alarm's name: CloudWatch's limit."""

ALARM_PATTERN = rf"^[^ ]([^\n]{{0,{ALARM_LIMIT - 2}}}[^ ])?$"
"""The name of a CloudWatch alarm or a Google alert policy, in any script, with no space around it."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def is_name(text: str) -> bool:
    """Say whether a text can be the name of a thing."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def wrong(text: str, mend: str, *, repeat: bool = True) -> PydanticCustomError:
    """Make the error of a value that has the right shape but cannot be. ``repeat`` is False where it may hold a secret."""
    return PydanticCustomError("value_wrong", "{text}", {"text": text, "mend": mend, "repeat": repeat})


def _written(pattern: str, example: str) -> Any:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


def _unit(read: Any) -> Any:
    def validate(text: Any) -> Any:
        try:
            return read(text)
        except units.NotAnAmount as error:
            raise PydanticCustomError("unit", "{text}", {"text": str(error), "mend": error.mend}) from error

    return PlainValidator(validate)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address("" if "%" in text else text))
    except ValueError as error:
        raise wrong("is not an IPv4 or IPv6 address", "write for example 10.250.1.1") from error


def _prefix(text: str) -> str:
    address, _, length = text.partition("/")
    if not length.isascii() or not length.isdigit() or "%" in address:
        raise wrong("is not a prefix", "write for example 10.20.0.0/16")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise wrong("is not an IPv4 or IPv6 prefix", "write for example 10.20.0.0/16") from error
    if network.network_address != ipaddress.ip_address(address):
        raise wrong("has host bits set", f"write {network}")
    return str(network)


def _alarm(text: str) -> str:
    if not re.fullmatch(ALARM_PATTERN, text):
        mend = "remove it: no name in an event has one" if text.strip(" ") != text else f"it has 1 to {ALARM_LIMIT} characters"
        raise wrong("starts or ends with a space" if text.strip(" ") != text else "is not an alarm's name", mend)
    if not text.isprintable():
        raise wrong("holds a sign that is not printed", "write the name as the console shows it, with plain spaces")
    return normalize("NFC", text)


def _store(url: str) -> str:
    try:
        store_address(url)
    except ValueError as error:
        raise wrong("is not a store URL", str(error), repeat=False) from error
    return url


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or not parts.hostname or "@" in parts.netloc or parts.query:
        text = "is not an https:// address without password or query"
        raise wrong(text, "write for example https://events.example.net", repeat=False)
    return url


def pattern(expression: str, example: str) -> tuple[StringConstraints, Any]:
    """Describe a text by its pattern and one example."""
    return StringConstraints(pattern=expression), _written(expression, example)


_HEX = "[0-9a-f]{8,17}"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_RFC1035 = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"

Name = Annotated[str, _written(NAME_PATTERN, "ix-a")]
"""A name, which is held against its pattern apart (``bounds``): things with bad names are read all the same."""
Account = Annotated[str, *pattern(r"^[0-9]{12}$", "111122223333")]
AwsRegion = Annotated[str, *pattern(r"^[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$", "us-east-1")]
GcpRegion = Annotated[str, *pattern(r"^[a-z]{2,20}-[a-z]{2,20}[0-9]{1,2}$", "us-east4")]
Project = Annotated[str, *pattern(r"^([a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", "weft-prod-1")]
TransitGateway = Annotated[str, *pattern(rf"^tgw-{_HEX}$", "tgw-0a1b2c3d4e5f60718")]
CoreNetwork = Annotated[str, *pattern(rf"^core-network-{_HEX}$", "core-network-0a1b2c3d4e5f60718")]
VirtualPrivateGateway = Annotated[str, *pattern(rf"^vgw-{_HEX}$", "vgw-0a1b2c3d4e5f60718")]
RouteTable = Annotated[str, *pattern(rf"^tgw-rtb-{_HEX}$", "tgw-rtb-0e5f60718293a4b5c")]
Attachment = Annotated[str, *pattern(rf"^(tgw-attach|attachment)-{_HEX}$", "tgw-attach-0aaaa00000000000a")]
DxGateway = Annotated[str, *pattern(rf"^{_UUID}$", "5f294f92-bafb-4011-916d-9b0bec5dd43c")]
Association = Annotated[str, *pattern(rf"^{_UUID}$", "9eb2f0d4-2f9e-4a8b-8d0c-2f5d0c1f9a11")]
VirtualInterface = Annotated[str, *pattern(r"^dxvif-[0-9a-z]{6,17}$", "dxvif-fgcoi6fa")]
DxConnection = Annotated[str, *pattern(r"^dx(con|lag)-[0-9a-z]{6,17}$", "dxcon-fgv0etma")]
ManagedConnection = Annotated[str, *pattern(r"^mcc-[0-9a-z]{4,32}$", "mcc-1a2b3c4d")]
VpnConnection = Annotated[str, *pattern(rf"^vpn-{_HEX}$", "vpn-0b2c3d4e5f6071829")]
PrefixList = Annotated[str, *pattern(rf"^pl-{_HEX}$", "pl-0123456789abcdef0")]
GoogleName = Annotated[str, *pattern(_RFC1035, "cr-aws-1")]
RouterNumber = Annotated[str, *pattern(r"^[0-9]{1,20}$", "6983339776642123456")]
Hub = Annotated[str, *pattern(r"^(projects/[a-z0-9.:-]{6,90}/locations/global/hubs/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", "core-hub")]
Transport = Annotated[
    str,
    *pattern(
        r"^projects/[a-z0-9.:-]{6,90}/locations/[a-z0-9-]{4,40}/transports/[a-z]([-a-z0-9]{0,61}[a-z0-9])?$",
        "projects/weft-prod-1/locations/us-east4/transports/mc-1",
    ),
]
AlarmName = Annotated[str, AfterValidator(_alarm), _written(ALARM_PATTERN, "xc-dxvif-fgcoi6fa-bgp")]
RiskGroup = Annotated[str, *pattern(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$", "metro-iad-1")]
SecretRef = Annotated[str, *pattern(r"^secret://[A-Za-z0-9][A-Za-z0-9/_.-]{0,199}$", "secret://pointsman/noc-routing-key")]

_BITS = PlainSerializer(units.spoken_bandwidth, return_type=str)
_SPAN = PlainSerializer(units.spoken_duration, return_type=str)

Bandwidth = Annotated[int, _unit(units.bandwidth), _BITS, _written(units.BANDWIDTH_PATTERN, "10Gbps")]
Duration = Annotated[timedelta, _unit(units.duration), _SPAN, _written(units.DURATION_PATTERN, "60s")]
Lasting = Annotated[timedelta, _unit(units.lasting), _SPAN, _written(units.LASTING_PATTERN, "60s")]
Address = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "examples": ["10.250.1.1"]})]
Prefix = Annotated[str, AfterValidator(_prefix), WithJsonSchema({"type": "string", "examples": ["10.20.0.0/16"]})]
StoreUrl = Annotated[str, AfterValidator(_store), WithJsonSchema({"type": "string", "examples": ["dynamodb://us-east-1/pointsman"]})]
Endpoint = Annotated[str, AfterValidator(_endpoint), WithJsonSchema({"type": "string", "examples": ["https://events.example.net"]})]
