"""The pure part, where the door decides: no input, output, clock or chance."""
