"""Things that are made at the first asking, once, whichever thread asks first."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Makes a thing when it is first called for. An error is not kept: the next call tries again."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: tuple[T] | None = None

    def __call__(self) -> T:
        """Give it, or raise what making it raised."""
        with self._lock:
            if self._made is None:
                self._made = (self._make(),)
            return self._made[0]
