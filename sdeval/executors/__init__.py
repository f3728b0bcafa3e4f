"""Where the images of a session are generated: this process, for now."""
