"""AWS Lambda: Powertools' logger, metrics and batch processor round a use case."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

from pointsman.boot.app import App
from pointsman.core.errors import ConfigError, RejectedEvent, Transient
from pointsman.entry.aws.tracing import tracing
from pointsman.entry.calls import Call, Told, alarms
from pointsman.entry.outcomes import Answer, Outcome, UseCase

Handler = Callable[[Any, Any], dict[str, Any]]


def lambda_entry(use_case: UseCase, build: Callable[[], App] | None = None) -> Handler:
    """Make a Lambda handler of a use case; everything it needs is built at the first call (by ``build``, in tests)."""
    name = use_case.__name__
    logger = Logger(service=f"pointsman-{name}")
    metrics = Metrics(namespace="pointsman", service=name)
    call = Call(use_case, build or _build, tracing(name))

    def handler(event: Any, context: Any) -> dict[str, Any]:
        outcome, told = call.run(event)
        _log(logger, metrics, outcome, told, getattr(context, "aws_request_id", ""))
        return _answer(event, outcome)

    return handler


def _build() -> App:
    from pointsman.boot.aws import build  # noqa: PLC0415 - the SDKs load at the first call, not at import

    return build()


def _log(logger: Logger, metrics: Metrics, outcome: Outcome, told: Told, request: str) -> None:
    counted = alarms(told)
    level = logger.info if outcome.answer is Answer.ACK and not counted else logger.error
    level("handled", extra={"request": request, **told})
    metrics.add_metric(name=f"outcome_{outcome.answer}", unit=MetricUnit.Count, value=1)
    for name, number in counted.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
    for stage, milliseconds in told.get("stages_ms", {}).items():
        metrics.add_metric(name=f"reaction_{stage}", unit=MetricUnit.Milliseconds, value=milliseconds)
    metrics.flush_metrics()


def _answer(event: Any, outcome: Outcome) -> dict[str, Any]:
    """Tell Lambda: partial batch failures for a queue; an error for everything else that has to come again."""
    if _from_queue(event):
        return _batch(event["Records"], outcome)
    match outcome.answer:
        case Answer.ACK:
            return {"outcome": outcome.answer}
        case Answer.RETRY:
            raise Transient(outcome.text, retry_after=outcome.retry_after)
        case Answer.PARK:
            raise RejectedEvent(outcome.text)
        case Answer.STOP:
            raise ConfigError(outcome.text)


def _from_queue(event: Any) -> bool:
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and bool(records) and all(_is_message(one) for one in records)


def _is_message(record: Any) -> bool:
    return isinstance(record, dict) and record.get("eventSource") == "aws:sqs" and isinstance(record.get("messageId"), str)


def _batch(records: list[Any], outcome: Outcome) -> dict[str, Any]:
    """Fail the messages that nobody can read (the queue's own dead-letter queue takes them), or all if the call must come again."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    spared = outcome.answer is Answer.ACK or bool(outcome.unread)

    def handle(record: Any) -> None:
        if not spared or record.message_id in outcome.unread:
            raise Transient(outcome.text)

    with processor(records, handle):
        processor.process()
    return dict(processor.response())
