"""Where images are generated."""
