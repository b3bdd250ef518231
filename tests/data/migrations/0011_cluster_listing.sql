UPDATE cluster_health SET next_list_at = '2026-06-01T12:02:30Z' WHERE cluster_name = 'prod';
