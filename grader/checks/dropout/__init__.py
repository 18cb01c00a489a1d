"""Hidden checks of the assignment dropout."""
