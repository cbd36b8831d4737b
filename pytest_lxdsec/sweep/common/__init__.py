"""The readers that sections share: procfs, netlink, files and commands."""
