"""Packet filters, evaluated for concrete packets: what the rules in the kernel do to a frame.

Pure: no file, no network, no clock; the standard library only, and Hypothesis in `search`.
A rule set is decoded once (`nft`, `iptables`, `ebtables`) into the types of `rules`, a packet is
`packet.bridged(...)` or `packet.routed(...)`, and `evaluate` says ACCEPT, DROP or UNKNOWN. What
is not modelled is carried along as unknown and never dropped: where it could decide, the answer
is UNKNOWN, with the rule and the reason.
"""
