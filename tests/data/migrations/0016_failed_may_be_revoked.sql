UPDATE request SET updated_at = '2026-06-01T12:16:00Z' WHERE state = 'pending';
