"""The guide's section "Access to the remote API"."""
