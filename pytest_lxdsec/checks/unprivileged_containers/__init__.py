"""The guide's section "Unprivileged containers"."""
