"""The real picamera2 on libcamera's virtual camera: no Raspberry Pi, no /dev/video0.

`scripts/test-camera` makes a Debian trixie root folder for it, and runs the tests of this folder inside. The
virtual camera shows JPEG files (frames.py makes them); what it lacks, shim.py mends.
"""
