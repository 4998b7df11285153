"""Chats: where announcements go and orders come from, one module each, every request's signature checked first.

May not be inside: a decision, an order that is carried out without being agreed, a secret in an error or a log.
"""
