"""Runs in which everything is chosen: walks, and the laws that hold of each."""
