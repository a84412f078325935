"""A holder's side: where keys are kept, the wallet of chains, and talking to a lock."""
