"""Every way a graph can go, within bounds."""
