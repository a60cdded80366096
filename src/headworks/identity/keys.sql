-- API keys. `changed` numbers every change of a row; the number comes from key_changes, which never steps back.

-- name: create_keys
create table if not exists api_keys (
    key_id text primary key,
    name text not null,
    prefix text not null,
    digest blob not null,
    pepper_id text not null,
    scopes text,
    rate text,
    concurrency integer,
    networks text not null,
    tokens text,
    tenant text not null,
    created_wall_ns integer not null,
    expires_wall_ns integer,
    revoked_wall_ns integer,
    last_used_wall_ns integer,
    parent text,
    predecessor text,
    is_one_time integer not null,
    changed integer not null
) strict, without rowid

-- name: create_keys_by_change
create index if not exists api_keys_by_change on api_keys (changed)

-- name: create_changes
create table if not exists key_changes (one integer primary key check (one = 1), number integer not null) strict

-- name: start_changes
insert into key_changes (one, number) values (1, 0) on conflict (one) do nothing

-- name: next_change
update key_changes set number = number + 1 returning number

-- name: insert_key
insert into api_keys (
    key_id, name, prefix, digest, pepper_id, scopes, rate, concurrency, networks, tokens, tenant, created_wall_ns,
    expires_wall_ns, revoked_wall_ns, parent, predecessor, is_one_time, changed
) values (
    :key_id, :name, :prefix, :digest, :pepper_id, :scopes, :rate, :concurrency, :networks, :tokens, :tenant, :created_wall_ns,
    :expires_wall_ns, :revoked_wall_ns, :parent, :predecessor, :is_one_time, :changed
)

-- name: update_key
-- Only what may change in a key's life; a revoked key stays revoked.
update api_keys
set expires_wall_ns = :expires_wall_ns,
    revoked_wall_ns = coalesce(revoked_wall_ns, :revoked_wall_ns),
    changed = :changed
where key_id = :key_id

-- name: touch_key
update api_keys set last_used_wall_ns = max(coalesce(last_used_wall_ns, 0), ?) where key_id = ?

-- name: find_key
select * from api_keys where key_id = ?

-- name: changed_keys
select * from api_keys where changed > ? order by changed

-- name: newest_keys
select * from api_keys order by created_wall_ns desc, changed desc limit ?

-- name: count_live
select count(*) from api_keys where revoked_wall_ns is null and (expires_wall_ns is null or expires_wall_ns > ?)
