INSERT INTO eks_pace (account_id, region, rate, turns, filled_at, slowed_at)
VALUES ('111122223333', 'eu-central-1', 5, -2.5, '2026-06-01T12:00:00Z', '2026-06-01T11:59:58Z');
