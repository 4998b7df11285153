"""What is true and what follows from it: pure values and pure functions.

May not be inside: input or output, YAML, a clock, chance, the environment, logging, threads, an SDK.
"""
