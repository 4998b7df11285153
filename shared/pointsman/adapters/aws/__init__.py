"""AWS as pointsman touches it: levers, looks, the freeze flag, the queue, secrets and the table.

May not be inside: a decision, a retry of a write, a read of the environment, anything of another cloud.
"""
