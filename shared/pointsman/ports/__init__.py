"""What the service asks of the outside world, and what it may rely on.

May not be inside: an implementation, an SDK, a default that reaches outside.
"""
