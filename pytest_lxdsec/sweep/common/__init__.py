"""What every section of the sweep reads with: procfs, netlink, files and commands."""
