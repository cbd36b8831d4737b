"""Rule sets, packets, and what a rule reads of a packet."""
