"""Simulations: the shipped code on virtual time, under faults that a seed decides. ``registers`` plays the protocol alone, ``system`` everything."""
