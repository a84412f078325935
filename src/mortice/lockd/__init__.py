"""The daemon at the door: wiring, store, uplink, watch and updater around the core."""
