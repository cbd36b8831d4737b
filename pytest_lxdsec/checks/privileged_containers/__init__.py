"""The guide's section "Privileged containers"."""
