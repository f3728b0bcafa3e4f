"""Models that turn images into features, shared by metrics."""
