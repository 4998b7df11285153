"""One whole run: every part in turn, put together as one document."""

import platform as machine
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointsman.core.fabric import Cloud, Fabric
from pointsman.testing.bench.bed import Bed, bed
from pointsman.testing.bench.burst import burst
from pointsman.testing.bench.cold import BASELINE, baseline_environment, cold
from pointsman.testing.bench.deciding import deciding
from pointsman.testing.bench.document import Measured, Size, document
from pointsman.testing.bench.gone import gone
from pointsman.testing.bench.loading import loading
from pointsman.testing.bench.operations import operations
from pointsman.testing.bench.warm import Reactions, warm
from pointsman.testing.emulators import available_firestore
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.lambda_worker import lambda_command
from pointsman.testing.stage import FUNCTIONS

PLAIN = "baseline"
"""The plain handler's name among the processes."""
TABLE = "reroute-events"
"""The plain handler's table (its own module makes clients when it is imported, so it is not imported here)."""

Tell = Callable[[str], None]


def run(root: Path, fabric: Fabric, size: Size, tell: Tell) -> dict[str, Any]:
    """Measure everything and give the document. Raises ProcessError when a part cannot be measured."""
    tell("imports")
    imports = loading(root, FUNCTIONS, size.imports)
    tell("deciding")
    decided = deciding(doubles=size.doubles)
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder, bed(root, Path(folder), fabric) as one:
        cast = vars(one.cast)
        reactions = Reactions(one)
        with _plain(one) as plain:
            warmed = warm(reactions, plain, size.warm, tell)
            memory = {PLAIN: one.children[PLAIN].peak_rss()}
        started = cold(one, reactions, size.cold, tell)
        tell("operations of the stores")
        counted = operations(one, reactions)
        memory |= _memory(one)
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder, bed(root, Path(folder), fabric, FUNCTIONS) as one:
        stormed = burst(one, size.burst, tell)
        memory = _larger(memory, _memory(one))
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        missing = available_firestore()
        without = {"skipped": missing} if missing else gone(root, Path(folder), fabric, size.gone, tell)
    return document(
        Measured(
            size=size,
            cast={**cast, "python": machine.python_version(), "machine": machine.machine()},
            warm=warmed,
            cold=started,
            operations=counted,
            memory=memory,
            burst=stormed,
            imports=imports,
            deciding=decided,
            gone=without,
        )
    )


@contextmanager
def _plain(one: Bed) -> Iterator[LambdaFunction]:
    """Run the plain handler with a table of its own in the same moto."""
    one.client("dynamodb", one.dynamodb.url).create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    with LambdaFunction(PLAIN) as function:
        command = lambda_command(BASELINE, function, root=one.root)
        one.children.start(PLAIN, command.argv, env=baseline_environment(one) | command.env, cwd=one.root)
        yield function


def _memory(one: Bed) -> dict[str, int | None]:
    """Give the most memory that each function's processes ever held, in bytes."""
    names = [name for name in one.children if name.startswith(tuple(f"{cloud}-" for cloud in Cloud))]
    found: dict[str, int | None] = {}
    for name in names:
        function = name.removesuffix("-0").removesuffix("-1")
        found = _larger(found, {function: one.children[name].peak_rss()})
    return found


def _larger(one: Mapping[str, int | None], other: Mapping[str, int | None]) -> dict[str, int | None]:
    """Put two findings together, the larger figure of a name counting."""
    return {name: max((one.get(name), other.get(name)), key=lambda held: held or 0) for name in {**one, **other}}
