"""Audits: what both clouds show, held against the fabric file and the agreed plan. Pure; nothing here decides or moves anything."""
