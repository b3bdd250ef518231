INSERT INTO slack_message (request_id, target, channel, ts, shows, shown_at, attempts, first_tried_at, next_post_at)
VALUES ('0197f0a0-0000-7000-8000-000000000001', 'C0LATE', NULL, NULL, NULL, '2026-06-01T12:00:00Z', 2, '2026-06-01T12:00:00Z',
        '2026-06-01T12:09:00Z');
INSERT INTO slack_turn (place, next_at)
VALUES ('C0PROD', '2026-06-01T12:00:01Z'), ('chat.postMessage', '2026-06-01T12:00:30Z');
