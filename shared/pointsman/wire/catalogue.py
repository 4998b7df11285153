"""Every decoder, in the order in which they are tried: the first that recognises a letter decodes it."""

from collections.abc import Callable, Iterable

from pointsman.core.sightings import Ignored, Meaning
from pointsman.core.values import Frozen
from pointsman.wire import chat, messages
from pointsman.wire.aws import cloudtrail, cloudwatch, health, network_manager
from pointsman.wire.aws import schedules as aws_schedules
from pointsman.wire.envelopes import CLOUD_EVENT_TYPE
from pointsman.wire.fields import printable
from pointsman.wire.gcp import audit_log, monitoring, resources, router_log, service_health, vpn_log
from pointsman.wire.gcp import schedules as gcp_schedules
from pointsman.wire.record import Letter

OWN_CLOUD_EVENTS = ("google.cloud.pubsub.topic.v1.messagePublished", "google.cloud.audit.log.v1.written")
"""The CloudEvents that carry what we read; what is unreadable in them is rejected, others are ignored."""
_SHOWN = 80


class Decoder(Frozen):
    """How one kind of payload is known and read. ``recognises`` never raises; ``decode`` raises ``RejectedEvent`` alone."""

    name: str
    recognises: Callable[[Letter], bool]
    decode: Callable[[Letter], Iterable[Meaning]]


def _is_event(letter: Letter) -> bool:
    return "detail-type" in letter.body.values and "source" in letter.body.values


def _foreign_event(letter: Letter) -> Iterable[Meaning]:
    kind, source = letter.body.prose("detail-type", _SHOWN), letter.body.prose("source", _SHOWN)
    return (Ignored(reason=f"an EventBridge event that is not about a link: {printable(kind, _SHOWN)} of {source}"),)


def _is_log_entry(letter: Letter) -> bool:
    return "logName" in letter.body.values


def _foreign_log(letter: Letter) -> Iterable[Meaning]:
    return (Ignored(reason=f"a log that is not about a link: {letter.body.prose('logName', _SHOWN)}"),)


def _is_foreign_cloud_event(letter: Letter) -> bool:
    return letter.context.headers.get(CLOUD_EVENT_TYPE, OWN_CLOUD_EVENTS[0]) not in OWN_CLOUD_EVENTS


def _foreign_cloud_event(letter: Letter) -> Iterable[Meaning]:
    return (Ignored(reason=f"a CloudEvent that is not about a link: {printable(letter.context.headers[CLOUD_EVENT_TYPE], _SHOWN)}"),)


def _is_sns_handshake(letter: Letter) -> bool:
    return letter.body.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation")


def _sns_handshake(_: Letter) -> Iterable[Meaning]:
    return (Ignored(reason="an SNS subscription that wants to be confirmed by hand"),)


CATALOGUE = (
    Decoder(name="Cloud Scheduler over HTTP", recognises=gcp_schedules.recognises, decode=gcp_schedules.decode),
    Decoder(name="our own message", recognises=messages.recognises, decode=messages.decode),
    Decoder(name="CloudTrail", recognises=cloudtrail.recognises, decode=cloudtrail.decode),
    Decoder(name="Network Manager", recognises=network_manager.recognises, decode=network_manager.decode),
    Decoder(name="CloudWatch alarm", recognises=cloudwatch.recognises, decode=cloudwatch.decode),
    Decoder(name="AWS Health", recognises=health.recognises, decode=health.decode),
    Decoder(name="EventBridge schedule", recognises=aws_schedules.recognises, decode=aws_schedules.decode),
    Decoder(name="other EventBridge event", recognises=_is_event, decode=_foreign_event),
    Decoder(name="Cloud Router log", recognises=router_log.recognises, decode=router_log.decode),
    Decoder(name="Cloud VPN log", recognises=vpn_log.recognises, decode=vpn_log.decode),
    Decoder(name="Service Health", recognises=service_health.recognises, decode=service_health.decode),
    Decoder(name="Google audit log", recognises=audit_log.recognises, decode=audit_log.decode),
    Decoder(name="other log entry", recognises=_is_log_entry, decode=_foreign_log),
    Decoder(name="Cloud Monitoring", recognises=monitoring.recognises, decode=monitoring.decode),
    Decoder(name="slash command", recognises=chat.recognises, decode=chat.decode),
    Decoder(name="Google API answer", recognises=resources.recognises, decode=resources.decode),
    Decoder(name="SNS handshake", recognises=_is_sns_handshake, decode=_sns_handshake),
    Decoder(name="other CloudEvent", recognises=_is_foreign_cloud_event, decode=_foreign_cloud_event),
)
