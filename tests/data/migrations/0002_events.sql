INSERT INTO event (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data, prev_hash, hash)
VALUES ('0197f0a0-0000-7000-8000-000000000004', 'request.submitted', '2026-06-01T11:00:00Z', 'alice', 'portal', 'api',
        '0197f0a0-0000-7000-8000-000000000001', 'prod', 'arn:aws:iam::111122223333:role/dev/apps/my-role',
        '{"specDigest": "sha256:00"}', NULL, 'sha256:02');
