"""Rebuilds the networks in models/ from pinned registry packages.

Run by scripts/build-models inside a virtual environment of its own: TensorFlow lives there
and nowhere else. The service itself never imports this package.
"""
