"""Google Cloud as pointsman touches it: route policies, looks, the freeze flag, topics, secrets and the table, by REST.

May not be inside: a decision, a retry of a write, a read of the environment, a generated client in the reaction
path, anything of another cloud.
"""
