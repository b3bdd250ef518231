UPDATE request SET updated_at = '2026-06-01T12:11:00Z' WHERE state = 'pending';
