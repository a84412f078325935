"""Mortice."""
