"""What scripts/measure-detection and scripts/calibrate-detection share."""
