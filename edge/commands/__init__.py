"""The commands of `api-face`, one module each; edge.cli lists them."""
