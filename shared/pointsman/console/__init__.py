"""The web page that shows links, flows, the agreed plan and its reasons to whoever is on call.

May not be inside: a decision, a lever, a write to the table: it reads, and hands orders on to the loop.
"""
