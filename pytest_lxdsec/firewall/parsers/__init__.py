"""What nft, iptables-save and ebtables-save print, as rule sets of the model."""
