-- HOME/keys.db: what opens the record. Kept apart so that backups of the record need not hold it.

-- name: create
-- Secrets of the log itself, and one data key for each person (or caller) and month.
-- A destroyed key keeps its row: its number is never given out again.
CREATE TABLE IF NOT EXISTS secrets (
    name TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS data_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner BLOB NOT NULL,
    epoch TEXT NOT NULL,
    wrapped BLOB,
    name_sealed BLOB,
    uses INTEGER NOT NULL DEFAULT 0,
    created_ns INTEGER NOT NULL,
    destroyed_ns INTEGER,
    is_recorded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS data_keys_current ON data_keys (owner, epoch)
    WHERE wrapped IS NOT NULL AND uses < 268435456;

-- name: secrets
-- Every secret of the log, wrapped.
SELECT name, wrapped FROM secrets;

-- name: any_data_key
-- Whether anything was ever encrypted: then there is a record somewhere.
SELECT 1 FROM data_keys LIMIT 1;

-- name: insert_secret
-- Keep one secret.
INSERT INTO secrets (name, wrapped) VALUES (?, ?);

-- name: rewrap_secret
-- The same secret under another key-encryption key.
UPDATE secrets SET wrapped = ? WHERE name = ?;

-- name: wrapped_keys
-- Some of the keys that were not destroyed, by number.
SELECT id, owner, epoch, wrapped FROM data_keys WHERE id > ? AND wrapped IS NOT NULL ORDER BY id LIMIT ?;

-- name: rewrap_key
-- The same data key under another key-encryption key; a destroyed one stays destroyed.
UPDATE data_keys SET wrapped = ? WHERE id = ? AND wrapped IS NOT NULL;

-- name: current_key
-- The key in use for an owner and month; a key is used up long before its nonces could meet.
SELECT id, wrapped FROM data_keys WHERE owner = ? AND epoch = ? AND wrapped IS NOT NULL AND uses < 268435456;

-- name: key_by_id
-- One key with its owner; wrapped is NULL once it is destroyed.
SELECT owner, epoch, wrapped, name_sealed FROM data_keys WHERE id = ?;

-- name: reserve_key
-- A new key's number, before it is wrapped under that number.
INSERT INTO data_keys (owner, epoch, created_ns) VALUES (?, ?, ?) RETURNING id;

-- name: fill_key
-- The new key, wrapped, and the owner's name under it.
UPDATE data_keys SET wrapped = ?, name_sealed = ? WHERE id = ?;

-- name: add_uses
-- Count what was encrypted under a key.
UPDATE data_keys SET uses = uses + ? WHERE id = ?;

-- name: destroy_keys
-- Make everything under an owner's keys unreadable for ever.
UPDATE data_keys SET wrapped = NULL, name_sealed = NULL, destroyed_ns = ?
WHERE owner = ? AND wrapped IS NOT NULL RETURNING id;

-- name: unrecorded
-- Destroyed keys whose tombstone is not in the record yet.
SELECT owner, id FROM data_keys WHERE destroyed_ns IS NOT NULL AND is_recorded = 0 ORDER BY owner, id;

-- name: mark_recorded
-- The tombstone of an owner's destroyed keys is in the record.
UPDATE data_keys SET is_recorded = 1 WHERE owner = ? AND destroyed_ns IS NOT NULL;
