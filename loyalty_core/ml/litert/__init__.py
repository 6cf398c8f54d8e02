"""TensorFlow Lite models run by LiteRT: checked in a child process first, then used from any thread."""
