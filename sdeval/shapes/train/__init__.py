"""Training of the embedded models: `python -m sdeval.shapes.train` makes them again."""
