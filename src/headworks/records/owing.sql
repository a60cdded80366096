-- Batches whose cost is not booked yet (table owed, see spending.sql), and what their lines need, in HOME/records.db.

-- name: create
-- batch_inputs: what the lines of a batch's input may use; needs: by model, as JSON; forgotten with the file.
CREATE TABLE IF NOT EXISTS batch_inputs (
    place TEXT NOT NULL,
    id TEXT NOT NULL,
    needs BLOB NOT NULL,
    PRIMARY KEY (place, id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS batch_inputs_go AFTER DELETE ON belongings WHEN old.kind = 'file' BEGIN
    DELETE FROM batch_inputs WHERE place = old.place AND id = old.id;
END;

-- name: note_input
-- What the lines of a file need.
INSERT INTO batch_inputs (place, id, needs) VALUES (?, ?, ?) ON CONFLICT (place, id) DO UPDATE SET needs = excluded.needs;

-- name: needs
-- The same, asked for.
SELECT needs FROM batch_inputs WHERE place = ? AND id = ?;

-- name: forget_attempts
-- Attempts are numbered anew by each process that serves.
UPDATE owed SET attempt = NULL WHERE attempt IS NOT NULL;

-- name: begin
-- A batch is begun once; what stands already stays as it is.
INSERT INTO owed (place, id, models, day, caller_id, endpoint, version, target, held, accounts, output, begun_s, attempt)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place, id) DO NOTHING;

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
