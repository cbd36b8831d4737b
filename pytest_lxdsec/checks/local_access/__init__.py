"""The guide's section "Local access to the LXD daemon"."""
