"""Twin-bundle signatures that legacy tools still verify."""
