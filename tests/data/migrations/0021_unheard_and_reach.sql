UPDATE entry SET unheard = '[{"step": {"Disassociate": {"policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"}}, "at": "2026-06-01T12:20:00Z", "told": false}]';
UPDATE request SET reach_ms = 10800000 WHERE id = '0197f0a0-0000-7000-8000-00000000000c';
