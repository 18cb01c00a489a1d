"""Hidden checks of the assignment first_model."""
