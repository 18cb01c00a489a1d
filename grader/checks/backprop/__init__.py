"""Hidden checks of the assignment backprop."""
