"""The guide's section "Bridged NIC security"."""
