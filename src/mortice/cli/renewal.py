"""New keys for the owner's phone: by phone and paper at once, or by paper alone after a wait.

First links that were given stay good under the retired key, as long as the new root lists them.
What was taken back stays taken back: it is signed anew under the new root.

Spec: spec/site.md, sections 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mortice.cli.judging import revoked_set
from mortice.cli.picking import records
from mortice.client.founding import Drawn, draw_root
from mortice.client.home import Home
from mortice.client.owner import take_back, taken_back
from mortice.core.errors import Untrusted
from mortice.core.keys import Signer
from mortice.core.limits import REVOCATIONS_PER_DOCUMENT, SITE_KEYS
from mortice.core.site import Role, sign_doors


@dataclass(frozen=True)
class Keeping:
    """Which first links stay good besides those given from this home, and which of those do not."""

    keep: frozenset[bytes] = frozenset()
    leave_out: frozenset[str] = frozenset()
    version: int = 0  # of the newest root that any door has, where this home knows an older one


def draw_next(home: Home, paper: Signer, phone: Signer | None, keeping: Keeping) -> Drawn:
    """The root that follows, with new keys for the phone; by paper alone without `phone`.

    Raises Untrusted (S9) for another site's sheet.
    """
    present = home.site()
    if paper.public not in present.keys(Role.RECOVERY):
        raise Untrusted("S9", "that sheet is not the recovery sheet of this site")
    given = {bytes.fromhex(record["id"]) for record in records(home)
             if not record["parents"] and record["id"] not in keeping.leave_out}
    live = frozenset(given | keeping.keep) - revoked_set(home).entries.keys()
    retired = {key: kept & live for key, kept in present.retired.items()}
    retired |= dict.fromkeys(present.keys(Role.GRANT), live)
    kept = [(key, ids) for key, ids in retired.items() if ids][-SITE_KEYS:]
    newer = replace(
        present, version=max(present.version, keeping.version) + 1, retired=dict(kept))
    return draw_root(newer, paper, [phone] if phone else [])


def keep_next(home: Home, drawn: Drawn, passphrase: str) -> None:
    """Go over to the next root: the map and what was taken back are signed anew under it."""
    doors, old = home.doors(), taken_back(home)
    ours = [name for name, revocation in old.items() if revocation.over_all]
    dead = [entry for name in ours for entry in old[name].entries]
    home.keep_site_keys(drawn.site.version, drawn.keys, passphrase)
    home.keep_site(root=drawn.root, doors=None if doors is None else sign_doors(
        replace(doors, version=doors.version + 1), drawn.keys[Role.GRANT]))
    for at in range(0, len(dead), REVOCATIONS_PER_DOCUMENT):
        take_back(home, dead[at:at + REVOCATIONS_PER_DOCUMENT], drawn.keys[Role.REVOKE])
    home.update("news.json", {}, lambda news: {
        name: item for name, item in news.items() if bytes.fromhex(name) not in ours})
