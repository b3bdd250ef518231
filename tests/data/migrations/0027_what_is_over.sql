INSERT INTO event (id, type, at, actor, via, request_id, data, hash)
SELECT gen_random_uuid(), 'request.ended', '2026-06-01T13:00:00Z', 'entryway', 'worker', id, '{}', 'sha256:00' FROM request LIMIT 1;
