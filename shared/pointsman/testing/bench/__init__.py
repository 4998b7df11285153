"""The benchmark: reactions timed on the twin, beside a plain handler that a team would write by hand.

May not be inside: a pass or fail by time. It prints what it measured; figures of one run are compared with each other only.
"""
