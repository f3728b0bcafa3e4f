"""What can be said of the pixels of an image without a model."""
