-- Batches whose cost is not booked yet, in HOME/records.db beside the sums that it is booked to.

-- name: create
-- batch_inputs: what the lines of a batch's input may use; needs: by model, as JSON; forgotten with the file.
-- owed: models, accounts: JSON. held: millionths in each account, none where no budget applies. begun_s: since 1970 UTC.
CREATE TABLE IF NOT EXISTS batch_inputs (
    place TEXT NOT NULL,
    id TEXT NOT NULL,
    needs BLOB NOT NULL,
    PRIMARY KEY (place, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owed (
    place TEXT NOT NULL,
    id TEXT NOT NULL,
    models BLOB NOT NULL,
    day TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    version INTEGER NOT NULL,
    target TEXT NOT NULL,
    held INTEGER,
    accounts BLOB NOT NULL,
    output TEXT,
    begun_s INTEGER NOT NULL,
    PRIMARY KEY (place, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS owed_by_output ON owed (output, place) WHERE output IS NOT NULL;
CREATE INDEX IF NOT EXISTS owed_by_begin ON owed (begun_s);
CREATE TRIGGER IF NOT EXISTS batch_inputs_go AFTER DELETE ON belongings WHEN old.kind = 'file' BEGIN
    DELETE FROM batch_inputs WHERE place = old.place AND id = old.id;
END;

-- name: note_input
-- What the lines of a file need.
INSERT INTO batch_inputs (place, id, needs) VALUES (?, ?, ?) ON CONFLICT (place, id) DO UPDATE SET needs = excluded.needs;

-- name: needs
-- The same, asked for.
SELECT needs FROM batch_inputs WHERE place = ? AND id = ?;

-- name: begin
-- A batch is begun once; what stands already stays as it is.
INSERT INTO owed (place, id, models, day, caller_id, endpoint, version, target, held, accounts, output, begun_s)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place, id) DO NOTHING;

-- name: find
-- One batch.
SELECT place, id, models, day, caller_id, endpoint, version, target, held, accounts, output FROM owed
WHERE place = ? AND id = ?;

-- name: of_output
-- The batch that a file tells the use of.
SELECT place, id, models, day, caller_id, endpoint, version, target, held, accounts, output FROM owed
WHERE output = ? AND place = ?;

-- name: point
-- Which file tells what a batch used.
UPDATE owed SET output = ? WHERE place = ? AND id = ?;

-- name: take
-- Whoever takes the row books it; nobody does so twice.
DELETE FROM owed WHERE place = ? AND id = ? RETURNING 1;

-- name: drop_old
-- A bounded number of batches that nobody looked at for long: what they held stays charged.
DELETE FROM owed WHERE (place, id) IN (SELECT place, id FROM owed WHERE begun_s <= ? ORDER BY begun_s LIMIT 100);
