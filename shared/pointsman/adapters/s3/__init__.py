"""The witness: a store in any S3-compatible bucket that honours conditional writes."""
