INSERT INTO destination (name, position, gone_at, gone_address)
VALUES ('webhook:siem', 3, NULL, NULL), ('webhook:old', 1, '2026-06-01T13:00:00Z', 'sha256:0c');
INSERT INTO delivery_lane (destination, lane, queue, next_attempt_at, lease_token, lease_until, attempts, first_tried_at, last_error)
VALUES ('webhook:siem', 'request/0197f0a0-0000-7000-8000-000000000001', '{1,2}', '2026-06-01T12:00:08Z',
        '0197f0a0-0000-4000-8000-000000000017', '2026-06-01T12:01:00Z', 3, '2026-06-01T12:00:00Z', 'it answered 503');
INSERT INTO delivery_given_up (destination, seq, attempts, first_tried_at, given_up_at, last_error)
VALUES ('webhook:siem', 3, 440, '2026-05-29T12:00:00Z', '2026-06-01T12:00:00Z', 'it answered 400');
