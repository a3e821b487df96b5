"""An installed device in a container: for scripts/test-device."""
