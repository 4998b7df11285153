"""Defects of the control loop, which the simulation of the whole system must notice."""

from pointsman.testing.mutants.mutant import Mutant

CONTROLLER: tuple[Mutant, ...] = ()
