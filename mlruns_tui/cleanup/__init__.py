"""Doing what a plan says, and taking it back: every item has one complete copy at every instant."""
