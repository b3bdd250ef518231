UPDATE cluster_health SET next_list_at = '2026-06-01T12:02:30Z' WHERE cluster_name = 'prod';
UPDATE entry SET drifted_to = 'sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae';
