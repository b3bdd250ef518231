INSERT INTO event (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data, prev_hash, hash)
VALUES ('0197f0a0-0000-7000-8000-000000000014', 'audit.checkpoint', '2026-06-01T20:00:00Z', 'entryway', NULL, 'worker', NULL,
        NULL, NULL, '{"number": 1, "after": 0, "through": 3, "events": 3, "digest": "sha256:0a", "signature": null}', NULL,
        'sha256:0b');
