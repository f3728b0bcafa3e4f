"""Training of the embedded models: `python -m tools.train_shapes` makes them again."""
