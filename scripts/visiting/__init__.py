"""A long replay with known visitors, made of photographs, and what the camera loop made of it."""
