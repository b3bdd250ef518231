INSERT INTO idempotent_answer (caller, route, key, fingerprint, status, headers, body, created_at)
VALUES ('portal/alice', 'POST /v1/requests', 'k-1', '\x00', 201, '[["etag", "\"1\""]]', '\x7b7d', '2026-06-01T11:00:00Z');
INSERT INTO cluster_health (cluster_name, next_check_at, checked_at, status, authentication_mode, platform_version)
VALUES ('prod', '2026-06-01T12:00:30Z', '2026-06-01T12:00:00Z', 'ACTIVE', 'API', 'eks.15');
