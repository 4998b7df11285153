"""Model happenings as the events that each cloud would really send."""
