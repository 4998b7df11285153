"""The benchmark's own arithmetic and counting; never a timed test."""
