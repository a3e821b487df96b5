"""Frames: from Raspberry Pi's camera, a USB webcam, or a replay; each in a process of its own."""
