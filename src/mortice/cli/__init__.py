"""The `mortice` command: a noun, then a verb."""
