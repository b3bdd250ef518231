UPDATE entry SET recheck_at = '2026-06-01T12:10:00Z';
