"""What Google Cloud sends."""
