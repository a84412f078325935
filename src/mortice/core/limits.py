"""Every number that bounds something: its unit and the reason for its size.

The first part is the protocol: changing a number there changes the spec. The second part is our
own choice for a lock of Raspberry Pi class.

Spec: spec/limits.md repeats this list.
"""

from __future__ import annotations

# --- the protocol ---------------------------------------------------------------------------

ID_BYTES = 16  # an id is a SHA-256 cut to 128 bits: no two found alike by accident or design
DOOR_ID_BYTES = 8  # random, unique within one site only
COMMAND_ID_BYTES = 8  # random, unique within one leaf's unanswered commands
SALT_BYTES = 16  # per log entry, so that a proof tells nothing of its neighbours
EPHEMERAL_BYTES = 32  # X25519 private bytes, fresh for each conversation
SIGNATURE_BYTES = 64  # Ed25519, and ESP256 as r ‖ s

CHAIN_LINKS = 5  # owner, agent, firm, engineer and one spare; each costs the lock a signature check
CHAIN_BYTES = 4096  # five links of the largest useful kind; read before anything is verified
DOCUMENT_BYTES = 8192  # a doors map of 50 doors; bounds what one signature check may hash
BUNDLE_DOCUMENTS = 64  # news that one visit may carry
MESSAGE_BYTES = 16384  # one message of the link; bounds memory per conversation
TEXT_CHARS = 120  # a label on a door or key: one line on a small screen
DOORS = 64  # doors in one link or map: a small site; larger ones use several links
WINDOWS = 28  # four windows a day in a week
SITE_KEYS = 8  # keys in one role
REVOCATIONS_PER_DOCUMENT = 128  # keeps one revoke document below DOCUMENT_BYTES

PROOF_SECONDS = 5.0  # message 2 to message 3 on a local network: three times a slow phone
PROOF_SECONDS_RELAYED = 10.0  # the same through a hub across the internet
PERSON_SECONDS = 30.0  # two people at one door find each other within this
TOUCH_SECONDS = 5.0  # a touch at the door belongs to the command that follows it
SESSION_SECONDS = 1800.0  # reading a long log; after it the holder proves itself again
WINDOW_SECONDS = 600  # to take over a door after the inside button: walk to the phone and back

# --- time -----------------------------------------------------------------------------------

SYNCED_SECONDS = 86_400  # a quartz clock is within 2 s a day after an attestation
HOLDOVER_SECONDS = 90 * 86_400  # a crystal's 20 ppm make 156 s by then, small beside any window
FORWARD_SECONDS = 900  # the hub alone may move the clock this far in all, either way, then asks
CONFIRM_SECONDS = 600  # a second source that says the same within this counts; one visit, or two
AGREE_SECONDS = 60  # two sources this far apart agree: each attestation may be 30 s old
NONCE_SECONDS = 30.0  # how old a time attestation's nonce may be on the lock's own count
TIME_MAX = 1 << 37  # 6325 AD: every calendar can count it, whatever is added to it

# --- PINs -----------------------------------------------------------------------------------

PIN_DIGITS_MIN = 6  # below this, ten tries hit one of ten PINs more than once in a thousand
PIN_DIGITS_MAX = 12  # more is not typed correctly
PIN_INDEX_DIGITS = 2  # in front of the PIN on doors shared by households
PIN_TRIES = 10  # before the keypad slows: three honest people's bad days
PIN_TRIES_SECONDS = 86_400  # a try is forgotten after this much powered-on time
PIN_REST_SECONDS = 900  # one try in 15 minutes once the tries are spent; never closed to tenants
PIN_ODDS_INCIDENT = 1e-3  # highest accepted chance that one burst of tries hits
PIN_ODDS_YEAR = 1e-2  # the same for a year in which nobody reacts
ARGON2_KIB = 19_456  # OWASP Password Storage Cheat Sheet's smallest choice: 19 MiB, 2 passes
ARGON2_PASSES = 2  # with the memory above
ARGON2_LANES = 1  # with the memory above
VERIFIER_BYTES = 32  # Argon2id output
ENTRY_SECONDS = 20.0  # a PIN half typed is forgotten after this

# --- our own choice -------------------------------------------------------------------------

HALF_OPEN_MAX = 64  # conversations between messages 1 and 3; each is about 2 kB
BUCKET_RATE = 60.0  # first messages a second and source: 20 times a busy doorway
BUCKET_BURST = 120.0  # a whole office arriving at once behind one address
BUCKETS_MAX = 1024  # sources remembered; the oldest is forgotten first
COMMANDS_ANSWERED = 64  # newest commands whose answer can be asked for again
CHAIN_CACHE = 128  # verified chains kept in memory, about 1 kB each
REVOCATIONS_MAX = 50_000  # live entries: 4 MB at most, ten years of a large site
REVOCATIONS_PER_HOLDER = 512  # entries one holder of a link may keep alive on a lock
SLOTS = 2000  # enrolled credentials on one door
LOG_RESERVE = 1000  # entries kept free for owner and residents when the disk is full
LOG_PAGE = 64  # entries in one answer
TRAVEL_SECONDS = 4.0  # longest honest travel of a bolt; the driver's own limit stands below this
HOLD_SECONDS = 12 * 3600  # longest that a door may be held open in one go
