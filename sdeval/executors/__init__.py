"""Where the images of a session are generated: in this process, or by processes on the devices of this machine."""
