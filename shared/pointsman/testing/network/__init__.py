"""A model of the private network between the two clouds, in virtual time, with its real routing rules.

May not be inside: anything of ``pointsman.core`` or ``pointsman.service``, a real clock, chance without a seed, an SDK.
One thread at a time; whoever shares a network between threads holds a lock and calls ``advance`` first.
"""
