"""Where a platform's event becomes a call of a use case, and its end becomes the platform's answer.

Powertools live in ``entry.aws`` and the functions-framework's request in ``entry.gcp`` only; ``outcomes`` is the
one table from an error to acknowledge, retry or park.

May not be inside: a decision, an adapter, a read of the environment, anything that is built before the first call.
"""
