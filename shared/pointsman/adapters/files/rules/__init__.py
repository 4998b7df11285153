"""What must hold across a declared fabric, one small pure function a rule."""
