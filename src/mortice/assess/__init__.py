"""How strong a door really is: facts with their evidence in, levels and honest advice out.

Nothing here reads a clock, a network or a lock. Spec: spec/assess.md.
"""
