"""The comparison of servers; scripts/compare-servers runs it in its own environment."""
