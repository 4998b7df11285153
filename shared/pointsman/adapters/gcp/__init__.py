"""Google Cloud as pointsman touches it: REST JSON through google-auth, and Google's own client for the own queue alone."""
