-- name: newest
-- Who read content, newest first; rows of calls are passed over.
SELECT seq, at_ns, caller_id, detail FROM records
WHERE kind = 'access' AND (:since_ns IS NULL OR at_ns >= :since_ns)
ORDER BY seq DESC LIMIT :most;
