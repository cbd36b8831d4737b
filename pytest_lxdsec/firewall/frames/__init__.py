"""Ethernet frames: values, encoding, decoding, descriptions."""
