"""Use cases: what a function does, written over the ports and driving the register protocol.

May not be inside: an adapter, an SDK, the environment, a clock or chance of its own.
"""
