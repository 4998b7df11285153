"""What a browser shows: the page of an incident, drawings of the fabric and of penalties.

May not be inside: a decision, a lever, a write to the table: it reads, and hands orders on to the loop.
"""
