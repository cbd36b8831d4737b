"""Judgement by section of the guide: pure functions over the evidence."""
