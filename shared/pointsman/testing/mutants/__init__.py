"""Deliberate defects: source patches on a copy of the shipped code, each of which a simulation that knows nothing of it must notice.

A simulation that finds nothing proves little until it is known what it would have found.
"""
