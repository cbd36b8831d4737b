"""Facts about local access; decoded by `evidence.access_facts`."""
