"""Compares ways of quantising MobileFaceNet: scripts/compare-quantisation, docs/quantisation.md."""
