"""The guide's section "Container name leakage"."""
