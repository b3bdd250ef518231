INSERT INTO call_allowance (caller, full_at) VALUES (sha256('alice'), '2026-06-01T12:00:30Z');
