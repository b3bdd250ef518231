INSERT INTO slack_user (team_id, user_id, user_name, linked_at)
VALUES ('T0123', 'U0456', 'alice', '2026-06-01T12:00:00Z');
INSERT INTO slack_link (token_sha256, team_id, user_id, display_name, expires_at)
VALUES ('\x0a', 'T0123', 'U0789', 'Bob', '2026-06-01T12:10:00Z');
INSERT INTO slack_call (signature_sha256, user_id, what, taken_at, done_at)
VALUES ('\x0b', 'U0456', 'an approval', '2026-06-01T12:00:00Z', '2026-06-01T12:00:01Z'),
       ('\x0c', 'U0456', 'an approval', '2026-06-01T12:00:00Z', NULL);
INSERT INTO slack_message (request_id, target, channel, ts, shows, shown_at)
VALUES ('0197f0a0-0000-7000-8000-000000000001', 'C0PROD', 'C0PROD', '1780315200.000100', '0d', '2026-06-01T12:00:00Z'),
       ('0197f0a0-0000-7000-8000-000000000001', 'U0456', NULL, NULL, NULL, '2026-06-01T12:00:00Z');
