"""Questions about the evidence that several sections ask: one instance, one NIC, one client."""
