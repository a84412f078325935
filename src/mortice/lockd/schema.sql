-- The lock's disk. Nothing here names a person; nothing is kept for a key that was only issued.
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- The log: entries, and the finished inner nodes of their Merkle tree (leaf hashes are recomputed).
CREATE TABLE IF NOT EXISTS entry (idx INTEGER PRIMARY KEY, body BLOB NOT NULL, seal BLOB);
CREATE TABLE IF NOT EXISTS node (
  level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx)
) WITHOUT ROWID;

-- Counts that openings leave behind; each row goes when its link has ended.
CREATE TABLE IF NOT EXISTS uses (link BLOB PRIMARY KEY, n INTEGER NOT NULL, expires INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leaf_day (
  link BLOB NOT NULL, day INTEGER NOT NULL, leaf BLOB NOT NULL, PRIMARY KEY (link, day, leaf)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claim (link BLOB PRIMARY KEY, child BLOB NOT NULL, expires INTEGER) WITHOUT ROWID;

-- Keys taken back: what is named, by which signer (a small number for 16 bytes), until when.
CREATE TABLE IF NOT EXISTS signer (
  n INTEGER PRIMARY KEY, key BLOB NOT NULL, over_all INTEGER NOT NULL, UNIQUE (key, over_all)
);
CREATE TABLE IF NOT EXISTS revoked (
  named BLOB NOT NULL, signer INTEGER NOT NULL, expires INTEGER, PRIMARY KEY (named, signer)
) WITHOUT ROWID;
-- The signed words behind them, so that visitors can carry them on.
CREATE TABLE IF NOT EXISTS news (id BLOB PRIMARY KEY, item BLOB NOT NULL, expires INTEGER) WITHOUT ROWID;

-- Credentials on this door. A slot's version is never forgotten, so the row outlives the credential.
CREATE TABLE IF NOT EXISTS slot (
  n INTEGER PRIMARY KEY, version INTEGER NOT NULL, kind INTEGER, wire BLOB, verifier BLOB,
  off INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS slot_verifier ON slot (verifier) WHERE verifier IS NOT NULL;
-- The newest word that each is still good, where it asks for one; a keypad cannot be shown any.
CREATE TABLE IF NOT EXISTS staple (n INTEGER PRIMARY KEY, carried BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tries (scope TEXT PRIMARY KEY, at BLOB NOT NULL) WITHOUT ROWID;
