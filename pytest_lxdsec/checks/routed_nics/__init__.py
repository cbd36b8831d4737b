"""The guide's section "Routed NIC security"."""
