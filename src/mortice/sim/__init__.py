"""The simulated street: door physics, its web panel, the seeded demo and its scenes."""
