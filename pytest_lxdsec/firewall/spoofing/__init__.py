"""The search for a frame that breaks a guarantee of the bridge filters."""
