"""Datagrams over the links: bursts that measure them, and the far end that answers."""
