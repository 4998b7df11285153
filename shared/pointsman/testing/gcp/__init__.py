"""Google's face of the twin: Compute Engine v1 (routers above all), transports and secrets over HTTP, backed by the network model.

May not be inside: anything that decides; the functions under test. The rules of routing live in the network model.
"""

from pointsman.testing.gcp.face import GcpFace

__all__ = ["GcpFace"]
