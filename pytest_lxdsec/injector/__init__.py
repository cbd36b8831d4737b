"""What runs on the audited host for a probe: frames sent from an instance, and where they arrive.

Sent as text over the shell like the sweep, and under its laws: the standard library of Python 3.7
and each other, nothing else. Nothing is installed and nothing is written: packet sockets are
opened in the network namespaces of throw-away instances and of the daemon, and they end with the
process, which an alarm ends at the latest. Frames are addressed to the bridge or to our own second
instance, never to everybody, but for the requests of DHCP, which know no other way.
"""
