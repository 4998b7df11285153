"""pointsman: a serverless control plane for the private links between AWS and Google Cloud."""

__version__ = "0.1.0"
