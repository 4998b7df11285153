"""What both clouds' faces are made of: HTTP on loopback, a log of requests, faults on request, time.

A cloud's own resources and formats may not be inside.
"""
