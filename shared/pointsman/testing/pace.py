"""How fast this machine is: how long a cloud's functions take to come up on it, beside whatever else it does."""

from datetime import timedelta
from pathlib import Path

from pointsman.core.fabric import Cloud
from pointsman.testing.faces.timing import monotonic
from pointsman.testing.google_functions import functions_framework_command, wait_url
from pointsman.testing.processes import Supervisor


def start_of_functions(root: Path, names: tuple[str, ...]) -> timedelta:
    """Start a cloud's functions at once, as they are when they come back, and stop them. Raises ProcessError."""
    begun = monotonic()
    with Supervisor() as children:
        for name in names:
            command = functions_framework_command(root / "functions" / Cloud.GCP / name / "main.py", name=name)
            children.start(name, command.argv, env=command.env | {"PYTHONPATH": str(root)}, cwd=root)
        for name in names:
            wait_url(children[name])
        return timedelta(seconds=monotonic() - begun)
