"""A Ray cluster generates: an actor on each GPU, which answers what a worker in another process answers."""
