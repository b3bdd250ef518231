INSERT INTO person (user_name, issuer, subject, display_name, groups, service, issued_at, known_until, first_seen_at, changed_at)
VALUES ('erin@example.com', 'https://login.example.com', '00u1', 'Erin', '{sre,security}', false, '2026-06-01T12:00:00Z',
        '2026-07-01T12:00:00Z', '2026-06-01T12:00:00Z', '2026-06-01T12:00:00Z'),
       ('deployer', 'https://login.example.com', '0oa7', NULL, '{}', true, '2026-06-01T12:00:00Z', '2026-07-01T12:00:00Z',
        '2026-06-01T12:00:00Z', '2026-06-01T12:00:00Z');
