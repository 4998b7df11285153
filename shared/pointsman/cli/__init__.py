"""The command line, for people and for pipelines: one module a command, and one way out for every error.

May not be inside: a decision, an SDK, a traceback that reaches a user, anything that a function needs.
"""
