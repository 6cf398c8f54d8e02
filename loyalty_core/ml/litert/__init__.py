"""TensorFlow Lite models in LiteRT: opened once in a process of their own, then run from any thread."""
