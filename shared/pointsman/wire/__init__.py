"""Raw payloads to our nouns and back: everything outside is hostile until here.

May not be inside: an SDK, input or output, a clock, a registry filled by import. Only ``RejectedEvent`` leaves a
decoder, and nothing at all leaves ``decode``.
"""
