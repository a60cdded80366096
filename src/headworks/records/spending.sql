-- Money beside the record, in HOME/records.db: written in the transactions of the rows that it comes from.

-- name: create
-- reserved: what attempts of calls under way may cost at most. seq: the call's opened row; number: the attempt.
-- spent: what was settled, by account and period. Budgets start from both.
-- used: what services were used for, by day, caller, version and target (`-` for a call that a crash cut off); unpriced: calls whose
-- cost is not known.
-- owed: batches whose cost is booked once it is seen. models, accounts: JSON. held: millionths in each account, none where no budget
-- applies. begun_s: since 1970 UTC. attempt: the number under which it is held, while the call that began it is under way.
CREATE TABLE IF NOT EXISTS reserved (
    seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    period TEXT NOT NULL,
    micros INTEGER NOT NULL,
    PRIMARY KEY (seq, number, account)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (
    account TEXT NOT NULL,
    period TEXT NOT NULL,
    micros INTEGER NOT NULL,
    PRIMARY KEY (account, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used (
    day TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    version INTEGER NOT NULL,
    target TEXT NOT NULL,
    calls INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    images INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    seconds REAL NOT NULL,
    cost_micros INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (day, caller_id, endpoint, version, target)
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
    attempt INTEGER,
    PRIMARY KEY (place, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS owed_by_output ON owed (output, place) WHERE output IS NOT NULL;
CREATE INDEX IF NOT EXISTS owed_by_begin ON owed (begun_s);

-- name: reserve
-- One attempt, in one account; what is known of it by now, where the call goes on after it.
INSERT OR REPLACE INTO reserved (seq, number, account, period, micros) VALUES (?, ?, ?, ?, ?);

-- name: held
-- What the attempts of calls under way hold.
SELECT seq, number, account, period, micros FROM reserved ORDER BY seq, number, account;

-- name: free
-- Calls that have ended hold nothing.
DELETE FROM reserved WHERE seq IN (SELECT value FROM json_each(?));

-- name: spend
-- One more sum in an account.
INSERT INTO spent (account, period, micros) VALUES (?, ?, ?)
ON CONFLICT (account, period) DO UPDATE SET micros = micros + excluded.micros;

-- name: spent
-- Every account of these periods, with what calls under way hold.
SELECT account, period, sum(micros) FROM (
    SELECT account, period, micros FROM spent UNION ALL SELECT account, period, micros FROM reserved
) GROUP BY account, period;

-- name: reserved_micros
-- The most that the attempts of one call may have cost, each attempt once; not what began a batch, whose cost is booked later.
SELECT coalesce(sum(micros), 0), count(*) FROM (
    SELECT max(micros) AS micros FROM reserved
    WHERE seq = ? AND number NOT IN (SELECT attempt FROM owed WHERE attempt IS NOT NULL) GROUP BY number
);

-- name: use
-- More calls to a service outside, alike in everything that is told apart.
INSERT INTO used VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (day, caller_id, endpoint, version, target) DO UPDATE SET
    calls = calls + excluded.calls, failed = failed + excluded.failed, input_tokens = input_tokens + excluded.input_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens, output_tokens = output_tokens + excluded.output_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, images = images + excluded.images,
    characters = characters + excluded.characters, seconds = seconds + excluded.seconds,
    cost_micros = cost_micros + excluded.cost_micros, unpriced = unpriced + excluded.unpriced;

-- name: use_later
-- What a call came to whose cost was not known when it ended; -1 unpriced takes it out of those.
INSERT INTO used VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (day, caller_id, endpoint, version, target) DO UPDATE SET
    input_tokens = input_tokens + excluded.input_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
    output_tokens = output_tokens + excluded.output_tokens, reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
    cost_micros = cost_micros + excluded.cost_micros, unpriced = unpriced + excluded.unpriced;

-- name: used
-- What services were used for from one day to another, both included.
SELECT day, caller_id, endpoint, version, target, calls, failed, input_tokens, cached_tokens, output_tokens,
    reasoning_tokens, images, characters, seconds, cost_micros, max(unpriced, 0) AS unpriced
FROM used WHERE day >= ? AND day <= ? ORDER BY day, caller_id, endpoint, version, target;
