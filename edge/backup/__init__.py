"""Copies of what the device remembers: sealed files to take away, nightly ones here, and the way back."""
