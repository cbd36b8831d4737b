"""Facts about containers; decoded by `evidence.container_facts`."""
