"""The command `lxdsec`."""
