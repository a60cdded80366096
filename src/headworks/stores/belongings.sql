-- Whose is what providers keep for callers, in HOME/records.db; see belongings.py.

-- name: create
-- number tells the order in which things were learnt of, and is never given out again.
-- place: the provider's name. subject: the pseudonym of the person it is about.
CREATE TABLE IF NOT EXISTS belongings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    place TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    purpose TEXT,
    subject BLOB,
    expires_s INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS belongings_by_id ON belongings (id, place);
CREATE INDEX IF NOT EXISTS belongings_by_owner ON belongings (owner, place, kind, number);
CREATE INDEX IF NOT EXISTS belongings_by_subject ON belongings (subject) WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS belongings_by_end ON belongings (expires_s) WHERE expires_s IS NOT NULL;

-- name: find
-- One thing, unless its time is over.
SELECT place, id, kind, owner, purpose, subject, expires_s FROM belongings
WHERE place = ? AND id = ? AND (expires_s IS NULL OR expires_s > ?);

-- name: newest
-- An owner's things before a number.
SELECT id FROM belongings
WHERE owner = :owner AND place = :place AND kind = :kind AND number < :from_number
    AND (:purpose IS NULL OR purpose = :purpose) AND (expires_s IS NULL OR expires_s > :now_s)
ORDER BY number DESC LIMIT :most;

-- name: oldest
-- An owner's things after a number.
SELECT id FROM belongings
WHERE owner = :owner AND place = :place AND kind = :kind AND number > :from_number
    AND (:purpose IS NULL OR purpose = :purpose) AND (expires_s IS NULL OR expires_s > :now_s)
ORDER BY number LIMIT :most;

-- name: number
-- Where one of an owner's things stands.
SELECT number FROM belongings WHERE place = ? AND id = ? AND owner = ? AND kind = ?;

-- name: count
-- How many an owner has, up to a bound.
SELECT count(*) FROM (SELECT 1 FROM belongings WHERE owner = ? AND place = ? AND kind = ? LIMIT ?);

-- name: count_all
-- How many there are.
SELECT count(*) FROM belongings;

-- name: foreign
-- Whether one of these (a JSON list) is somebody else's, and not also the owner's own elsewhere.
SELECT 1 FROM belongings AS other
WHERE other.id IN (SELECT value FROM json_each(?)) AND other.owner != ?
    AND NOT EXISTS (SELECT 1 FROM belongings AS own WHERE own.id = other.id AND own.owner = ?)
LIMIT 1;

-- name: insert
-- One thing; what is known already stays as it is.
INSERT INTO belongings (place, id, kind, owner, purpose, subject, expires_s) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id, place) DO NOTHING;

-- name: owner
-- Whose a thing is.
SELECT owner FROM belongings WHERE place = ? AND id = ?;

-- name: drop
-- A thing is gone.
DELETE FROM belongings WHERE place = ? AND id = ?;

-- name: drop_oldest
-- The owner's oldest of a kind makes room.
DELETE FROM belongings WHERE number = (
    SELECT number FROM belongings WHERE owner = ? AND place = ? AND kind = ? ORDER BY number LIMIT 1
);

-- name: drop_expired
-- A bounded number of things whose time is over.
DELETE FROM belongings WHERE number IN (SELECT number FROM belongings WHERE expires_s <= ? LIMIT 100);

-- name: drop_subject
-- Everything about a person.
DELETE FROM belongings WHERE subject = ? RETURNING place, kind, id;
