"""Model happenings as the events that each cloud would really send, and the ways in which messages go wrong.

May not be inside: anything of ``pointsman.core`` or ``pointsman.wire``: what is rendered here is what the wire must read.
"""
