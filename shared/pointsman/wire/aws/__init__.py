"""What AWS sends."""
