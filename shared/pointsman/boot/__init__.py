"""The composition root: reads the environment, and furnishes a function's house with adapters on first use.

May not be inside: a decision, a cloud's event, anything that happens at import.
"""
