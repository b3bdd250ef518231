INSERT INTO request (id, cluster_name, principal_arn, content, tags, reason, ticket, duration_ms, break_glass, spec_digest,
                     requester, submitted_by, warnings, state, moved_from, policy_digest, starts_at, applied_at,
                     verified_at, expires_at, verification_level, agreeing_reads, lag_ms, lapses_at, applying_since,
                     chain_head, created_at, updated_at)
VALUES ('0197f0a0-0000-7000-8000-000000000001', 'prod', 'arn:aws:iam::111122223333:role/dev/apps/my-role',
        '{"type": "STANDARD", "username": null, "kubernetesGroups": ["viewers"], "accessPolicies": {}}', '{"team": "payments"}',
        'Look into the failed settlement run', 'PAY-1234', 28800000, false, 'sha256:00', 'alice', 'portal', '[]', 'active',
        'verifying', 'sha256:01', '2026-06-01T12:00:00Z', '2026-06-01T12:00:01Z', '2026-06-01T12:00:20Z',
        '2026-06-01T20:00:00Z', 'settled', 3, 2150, '2026-06-04T12:00:00Z', '2026-06-01T12:00:00Z', 'sha256:02',
        '2026-06-01T11:00:00Z', '2026-06-01T12:00:20Z'),
       ('0197f0a0-0000-7000-8000-000000000002', 'prod', 'arn:aws:iam::111122223333:role/dev/apps/my-role',
        '{"type": "STANDARD", "username": null, "kubernetesGroups": ["builders"], "accessPolicies": {}}', '{}', 'A build', NULL,
        NULL, false, 'sha256:03', 'dan', NULL, '[]', 'pending', NULL, 'sha256:01', NULL, NULL, NULL, NULL, 'none', 0, NULL,
        '2026-06-04T12:00:00Z', NULL, 'sha256:04', '2026-06-01T12:00:00Z', '2026-06-01T12:00:00Z');
INSERT INTO review (id, request_id, reviewer, decision, comment, via, spec_digest, created_at)
VALUES ('0197f0a0-0000-7000-8000-000000000003', '0197f0a0-0000-7000-8000-000000000001', 'bob', 'approve', NULL, 'api',
        'sha256:00', '2026-06-01T11:30:00Z');
INSERT INTO entry (cluster_name, principal_arn, next_run_at, ends_at, attempts, written, touched_at, agreeing_reads,
                   agreeing_since, last_read_at, access_entry_arn)
VALUES ('prod', 'arn:aws:iam::111122223333:role/dev/apps/my-role', '2026-06-01T12:10:20Z', '2026-06-01T20:00:00Z', 0,
        '{"content": {"type": "STANDARD", "username": null, "kubernetesGroups": ["viewers"], "accessPolicies": {}}}',
        '2026-06-01T12:00:01Z', 3, '2026-06-01T12:00:03Z', '2026-06-01T12:00:20Z',
        'arn:aws:eks:eu-central-1:111122223333:access-entry/prod/role/111122223333/my-role/11111111-2222-3333-4444-555555555555');
