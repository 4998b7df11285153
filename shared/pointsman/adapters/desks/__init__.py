"""Ticket desks: one module each, behind ``ports.desks.Desk``."""
