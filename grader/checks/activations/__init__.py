"""Hidden checks of the assignment activations."""
