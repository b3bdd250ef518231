INSERT INTO request (id, cluster_name, principal_arn, content, tags, reason, ticket, duration_ms, break_glass, spec_digest,
                     requester, extends, warnings, state, policy_digest, lapses_at, chain_head, created_at, updated_at)
VALUES ('0197f0a0-0000-7000-8000-00000000000c', 'prod', 'arn:aws:iam::111122223333:role/dev/apps/my-role',
        '{"type": "STANDARD", "username": null, "kubernetesGroups": ["viewers"], "accessPolicies": {}}', '{}',
        'The run takes longer than we thought', 'PAY-1234', 7200000, false, 'sha256:05', 'alice',
        '0197f0a0-0000-7000-8000-000000000001', '[]', 'pending', 'sha256:01', '2026-06-04T19:00:00Z', 'sha256:06',
        '2026-06-01T19:00:00Z', '2026-06-01T19:00:00Z'),
       ('0197f0a0-0000-7000-8000-00000000000d', 'prod', 'arn:aws:iam::111122223333:role/ops/on-call',
        '{"type": "STANDARD", "username": null, "kubernetesGroups": ["admins"], "accessPolicies": {}}', '{}',
        'Payments are down and nobody answers', NULL, 3600000, true, 'sha256:07', 'dan', NULL, '[]', 'applying', 'sha256:01',
        '2026-06-04T19:00:00Z', 'sha256:08', '2026-06-01T19:00:00Z', '2026-06-01T19:00:00Z');
UPDATE request SET owes_review = true WHERE id = '0197f0a0-0000-7000-8000-00000000000d';
UPDATE request SET remind_at = expires_at - interval '1 hour' WHERE state = 'active';
INSERT INTO event (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data, prev_hash, hash)
VALUES ('0197f0a0-0000-7000-8000-00000000000e', 'entry.drifted', '2026-06-01T13:00:00Z', 'entryway', NULL, 'worker',
        '0197f0a0-0000-7000-8000-000000000001', 'prod', 'arn:aws:iam::111122223333:role/dev/apps/my-role',
        '{"requestIds": ["0197f0a0-0000-7000-8000-000000000001"]}', 'sha256:02', 'sha256:09');
