-- HOME/records.db: the record. A row of `records` is never updated; `seq` starts at 0, has no gaps and is the leaf's index.

-- name: create
-- kind: call, opened, closed, refusals, access, erased, pruned. refers_to: the opened row that a closed row ends.
-- subject: a person's pseudonym. content: input and output, encrypted as one; NULL when there is none or it lies in a file.
-- content_digest: SHA-256 of the ciphertext in a content file. input_digest, output_digest: keyed digests (mode digest).
-- detail: JSON; what a row that is no call says, and of a call how its answer was given again (cache, similarity).
-- leaf: SHA-256 over 0x00 and the MessagePack array of every other column, in this order (RFC 9162). It lies before what
-- may be large.
-- No index on the hot columns: each would cost more than all of the tree. A request id tells its time, checkpoints tell
-- which numbers belong to that time; expiry holds, for each 4096 numbers, when the first of them expires.
-- tree has one row. nodes holds every complete subtree of 256^n leaves. running: opened rows without a closed one.
-- pruned: leaves of pruned records, 256 to a row, 32 zero bytes where the record is still there.
-- promised: how much of HOME/journal has arrived here; it moves in the transaction of what arrived.
CREATE TABLE IF NOT EXISTS log (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    verifier TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    request_id TEXT NOT NULL,
    refers_to INTEGER,
    at_ns INTEGER NOT NULL,
    route TEXT NOT NULL,
    via TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    subject BLOB,
    endpoint TEXT NOT NULL,
    version INTEGER NOT NULL,
    target TEXT NOT NULL,
    model_version TEXT NOT NULL,
    status INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    batch_rows INTEGER NOT NULL,
    client_request_id TEXT,
    input_bytes INTEGER NOT NULL,
    output_bytes INTEGER NOT NULL,
    queue_us INTEGER NOT NULL,
    run_us INTEGER NOT NULL,
    total_us INTEGER NOT NULL,
    stages_us TEXT NOT NULL,
    mode TEXT NOT NULL,
    expires_ns INTEGER,
    output_media TEXT NOT NULL,
    data_key INTEGER,
    content_digest BLOB,
    input_digest BLOB,
    output_digest BLOB,
    usage TEXT,
    cost_micros INTEGER,
    detail TEXT,
    signature BLOB,
    leaf BLOB NOT NULL,
    content BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS records_closed ON records (refers_to) WHERE refers_to IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_signed ON records (seq) WHERE signature IS NOT NULL;
CREATE TABLE IF NOT EXISTS expiry (
    block INTEGER PRIMARY KEY,
    earliest_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS expiry_earliest ON expiry (earliest_ns);
CREATE TABLE IF NOT EXISTS tree (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    size INTEGER NOT NULL,
    frontier BLOB NOT NULL,
    root BLOB NOT NULL,
    content_bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS nodes (
    level INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoints (
    size INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS running (
    seq INTEGER PRIMARY KEY,
    slot BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS pruned (
    chunk INTEGER PRIMARY KEY,
    leaves BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS replays (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL,
    state TEXT NOT NULL,
    request_id TEXT NOT NULL,
    status INTEGER NOT NULL,
    media TEXT NOT NULL,
    data_key INTEGER,
    answer BLOB,
    at_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS promised (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    number INTEGER NOT NULL
) STRICT;

-- name: promise
-- The newest item of the journal that is here.
SELECT number FROM promised;

-- name: set_promise
-- The same, after a commit.
REPLACE INTO promised (only, number) VALUES (0, ?);

-- name: verifier
-- The public key that the log's checkpoints are signed for.
SELECT verifier FROM log;

-- name: set_verifier
-- The public key, once.
INSERT INTO log (only, verifier) VALUES (0, ?);

-- name: is_record
-- Whether this file holds a record, also an empty one; a home that only ever had keys made in it does not.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'tree';

-- name: tree
-- The tree as of the last commit.
SELECT size, frontier, root, content_bytes FROM tree;

-- name: set_tree
-- The tree after a commit.
REPLACE INTO tree (only, size, frontier, root, content_bytes) VALUES (0, ?, ?, ?, ?);

-- name: last_seq
-- The newest row, to compare with the tree.
SELECT max(seq) FROM records;

-- name: insert_record
-- One record, whole.
INSERT INTO records VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
);

-- name: insert_node
-- One complete subtree.
INSERT INTO nodes (level, position, hash) VALUES (?, ?, ?);

-- name: node
-- One stored subtree.
SELECT hash FROM nodes WHERE level = ? AND position = ?;

-- name: nodes_between
-- Stored subtrees of one level, in order.
SELECT hash FROM nodes WHERE level = ? AND position >= ? AND position < ? ORDER BY position;

-- name: leaves_between
-- Leaves of records that are still there, in order.
SELECT seq, leaf FROM records WHERE seq >= ? AND seq < ? ORDER BY seq;

-- name: pruned_chunk
-- Leaves of pruned records in one stretch of 256.
SELECT leaves FROM pruned WHERE chunk = ?;

-- name: set_pruned_chunk
-- Keep the leaves of pruned records.
INSERT INTO pruned (chunk, leaves) VALUES (?, ?)
ON CONFLICT (chunk) DO UPDATE SET leaves = excluded.leaves;

-- name: insert_checkpoint
-- One signed checkpoint.
INSERT OR IGNORE INTO checkpoints (size, at_ns, note) VALUES (?, ?, ?);

-- name: size_at
-- How many records there were at a moment, at least.
SELECT coalesce(max(size), 0) FROM checkpoints WHERE at_ns <= ?;

-- name: size_after
-- How many records there were a little after a moment, at most; NULL when that is not known yet.
SELECT min(size) FROM checkpoints WHERE at_ns > ?;

-- name: last_checkpoint
-- The newest signed checkpoint.
SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1;

-- name: checkpoints
-- Every signed checkpoint, oldest first.
SELECT size, note FROM checkpoints ORDER BY size;

-- name: thin_checkpoints
-- Of checkpoints older than a moment keep the last of each five minutes.
DELETE FROM checkpoints WHERE at_ns < ?1 AND size NOT IN (
    SELECT max(size) FROM checkpoints WHERE at_ns < ?1 GROUP BY at_ns / 300000000000
);

-- name: start_running
-- An opened row waits for its closed one.
INSERT INTO running (seq, slot) VALUES (?, ?);

-- name: end_running
-- The closed row is there.
DELETE FROM running WHERE seq = ?;

-- name: end_all_running
-- The closed rows of these (a JSON list) are there.
DELETE FROM running WHERE seq IN (SELECT value FROM json_each(?));

-- name: running
-- Opened rows without a closed one.
SELECT seq, slot FROM running ORDER BY seq;

-- name: running_requests
-- Request ids of opened rows without a closed one.
SELECT request_id, seq FROM records WHERE seq IN (SELECT seq FROM running);

-- name: replay
-- What is known of an idempotency slot.
SELECT id, body, state, request_id, status, media, data_key, answer, at_ns FROM replays WHERE slot = ?;

-- name: set_replay
-- Keep what a slot's call came to.
INSERT INTO replays (slot, body, state, request_id, status, media, data_key, answer, at_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (slot) DO UPDATE SET
    body = excluded.body, state = excluded.state, request_id = excluded.request_id, status = excluded.status,
    media = excluded.media, data_key = excluded.data_key, answer = excluded.answer, at_ns = excluded.at_ns;

-- name: drop_replays
-- Forget slots (a JSON list).
DELETE FROM replays WHERE id IN (SELECT value FROM json_each(?));

-- name: replay_usage
-- How many slots are kept, and their bytes.
SELECT count(*), coalesce(sum(length(answer)), 0) FROM replays;

-- name: oldest_replays
-- The slots to forget first; those of running streams stay.
SELECT id, at_ns, coalesce(length(answer), 0) FROM replays WHERE state != 'opened' ORDER BY id LIMIT ?;

-- name: orphan_replay
-- After a crash nobody knows how the slot's stream ended.
UPDATE replays SET state = 'unknown' WHERE slot = ? AND state = 'opened';

-- name: record
-- One row.
SELECT * FROM records WHERE seq = ?;

-- name: rows_between
-- Rows in order, for proving the record.
SELECT * FROM records WHERE seq >= ? AND seq < ? ORDER BY seq;

-- name: rows_below
-- Rows newest first, without their content; calls only.
SELECT
    seq, kind, request_id, refers_to, at_ns, route, via, caller_id, subject, endpoint, version, target, model_version,
    status, outcome, attempts, rows, batch_rows, client_request_id, input_bytes, output_bytes, queue_us, run_us,
    total_us, stages_us, mode, expires_ns, output_media, data_key, content_digest, input_digest, output_digest, usage,
    cost_micros, detail, signature
FROM records
WHERE seq < :below AND kind IN ('call', 'opened', 'closed')
    AND (:endpoint IS NULL OR endpoint = :endpoint)
    AND (:caller IS NULL OR caller_id = :caller)
    AND (:since_ns IS NULL OR at_ns >= :since_ns)
ORDER BY seq DESC LIMIT :most;

-- name: rows_from
-- Rows oldest first, with their content; calls only.
SELECT * FROM records
WHERE seq >= :start AND kind IN ('call', 'opened', 'closed')
    AND (:endpoint IS NULL OR endpoint = :endpoint)
    AND (:caller IS NULL OR caller_id = :caller)
    AND (:since_ns IS NULL OR at_ns >= :since_ns)
ORDER BY seq LIMIT :most;

-- name: find_request
-- The first row of a request within a stretch of numbers.
SELECT seq FROM records WHERE seq >= ? AND seq < ? AND request_id = ? ORDER BY seq LIMIT 1;

-- name: closing
-- The closed row of an opened one.
SELECT * FROM records WHERE refers_to = ?;

-- name: signed_rows
-- Rows that authorise what is missing: prunings and erasures.
SELECT seq, kind, detail, signature FROM records WHERE signature IS NOT NULL ORDER BY seq;

-- name: note_expiry
-- One of a block of 4096 numbers expires then; an earlier moment stays.
INSERT INTO expiry (block, earliest_ns) VALUES (?, ?)
ON CONFLICT (block) DO UPDATE SET earliest_ns = min(earliest_ns, excluded.earliest_ns);

-- name: set_expiry
-- When a block is to be looked at again.
INSERT INTO expiry (block, earliest_ns) VALUES (?, ?)
ON CONFLICT (block) DO UPDATE SET earliest_ns = excluded.earliest_ns;

-- name: drop_expiry
-- Nothing of a block expires any more.
DELETE FROM expiry WHERE block = ?;

-- name: expired_block
-- A block in which something has expired.
SELECT block FROM expiry WHERE earliest_ns <= ? ORDER BY earliest_ns LIMIT 1;

-- name: block_expiry
-- When the first of a block expires, by its rows.
SELECT min(expires_ns) FROM records WHERE seq >= ? AND seq < ?;

-- name: expired
-- Rows of a stretch that are past their retention; a running stream's row waits for its end.
SELECT seq, leaf, content_digest FROM records
WHERE seq >= ? AND seq < ? AND expires_ns <= ? AND seq NOT IN (SELECT seq FROM running)
ORDER BY seq LIMIT ?;

-- name: oldest
-- The oldest rows that may go when the disk bound is reached.
SELECT seq, leaf, content_digest FROM records
WHERE seq >= ? AND kind IN ('call', 'opened', 'closed', 'refusals') AND seq NOT IN (SELECT seq FROM running)
ORDER BY seq LIMIT ?;

-- name: delete_records
-- Prune the rows of these numbers (a JSON list); their leaves stay in `pruned`.
DELETE FROM records WHERE seq IN (SELECT value FROM json_each(?));

-- name: digests
-- What content file a row refers to.
SELECT content_digest FROM records WHERE seq = ?;
