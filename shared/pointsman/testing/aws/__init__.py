"""The AWS face of the network model: real AWS protocols over HTTP on loopback, backed by moto and by the model.

What moto knows (tables, queues, parameters, secrets, buckets) moto answers; whatever touches the private links is
answered from the model, so that a plain boto3 call moves the model's traffic.
"""
