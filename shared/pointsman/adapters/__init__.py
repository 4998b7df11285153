"""The only code that speaks to the outside: one package a neighbour, each behind the ports, each translating its own errors.

May not be inside: a decision, a use case, a read of the environment, another adapter's package. What two of them
share (``http``, ``failures``, ``stored``) stands beside them and knows neither.
"""
