"""What anybody may open without signing in. Every other route names who may (access.py)."""

from __future__ import annotations

OPEN_PATHS = frozenset({
    "/.well-known/security.txt",  # whom to tell of a weakness
    "/help",
    "/in/{token}",  # a link that signs in once; the token is the proof
    "/join/{token}",  # the same for a team
    # A guest's page: the ref is all that it takes to see it, and it opens nothing.
    "/k/{ref}", "/k/{ref}/claim", "/k/{ref}/pin", "/k/{ref}/stay.ics",
    "/k/{ref}/manifest.webmanifest",
    "/k/{ref}/doors/{door}/line",  # to a lock, which lets in whoever has the key
    "/locks",  # where locks dial in: Noise says which lock it is (spec/uplink.md)
    "/setup",  # the first owner, by the token that the hub's terminal shows
    "/sign-in", "/sign-in/passkey", "/sign-in/passkey/options", "/sign-in/recovery",
    "/sign-in/second",  # sets up a second factor for who proved a password that has none
})
