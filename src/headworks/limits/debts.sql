-- What rate limits owe, in the limiter's own time (see memory.py).

-- name: create_debts
create table if not exists limit_debts (
    bucket text primary key,
    due_ns integer not null
) strict, without rowid

-- name: create_debts_by_due
create index if not exists limit_debts_by_due on limit_debts (due_ns)

-- name: create_time
create table if not exists limit_time (
    one integer primary key check (one = 1),
    elapsed_ns integer not null
) strict

-- name: keep_debt
insert into limit_debts (bucket, due_ns) values (?, ?)
on conflict (bucket) do update set due_ns = excluded.due_ns

-- name: keep_time
insert into limit_time (one, elapsed_ns) values (1, ?)
on conflict (one) do update set elapsed_ns = max(elapsed_ns, excluded.elapsed_ns)

-- name: drop_rested
-- A bounded batch, so that a tick stays short.
delete from limit_debts where bucket in (select bucket from limit_debts where due_ns <= ? limit 500)

-- name: read_time
select elapsed_ns from limit_time

-- name: read_debts
-- The deepest first, should there be more than a front keeps.
select bucket, due_ns from limit_debts where due_ns > ? order by due_ns desc limit ?
