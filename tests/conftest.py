"""Rules for every test: no traffic beyond loopback, and hypothesis in a fixed or a hunting profile."""

import os

from hypothesis import settings

settings.register_profile("gate", derandomize=True, deadline=None, max_examples=100, database=None)
settings.register_profile("hunt", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("POINTSMAN_HYPOTHESIS", "gate"))
