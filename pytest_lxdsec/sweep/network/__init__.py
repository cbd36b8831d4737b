"""Facts about the network; decoded by `evidence.network_facts`."""
