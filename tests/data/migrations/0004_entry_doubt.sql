UPDATE entry SET doubt_until = '2026-06-01T12:01:00Z';
