"""What a rule set does to one packet, or to packets from every source."""
