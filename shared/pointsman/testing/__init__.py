"""The twin: a model of the network with its two faces, stand-ins for clouds and desks, faults, and the ports' promises as suites.

It is shipped, so that anybody can try pointsman without a cloud. May not be inside: anything that the deployed code
imports; a rule of routing outside ``testing.network``; a connection that leaves this machine.
"""
