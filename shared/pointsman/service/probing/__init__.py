"""What every store must do, tried case by case: on our own stores by the tests, on a user's by ``pointsman stores probe``.

A case takes a ``Bench`` and raises ``Broken`` when the store does not keep its promise. Cases use names of their own
under the bench's token, so they leave other data alone and may run again.
"""
