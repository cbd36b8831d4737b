"""The injector: it runs on the audited host for a probe, and sends frames from an instance.

It is sent as text over the shell like the sweep, under the same rules: its modules import only the
standard library of Python 3.7 and each other. It installs and writes nothing: it opens packet
sockets in the network namespaces of throw-away instances and of the daemon, and they end with the
process, which an alarm ends at the latest. Frames are addressed to the bridge or to the second
instance, never broadcast, except for DHCP requests, which must be.
"""
