"""The one training loop and its callbacks."""
