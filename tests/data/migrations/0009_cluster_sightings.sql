UPDATE cluster_health
   SET shown_arn = 'arn:aws:eks:eu-central-1:111122223333:cluster/prod-eu-1', gone_since = '2026-06-01T12:00:00Z', gone_answers = 3,
       gone_at = '2026-06-01T12:00:30Z', status = 'NOT_FOUND', probed_at = '2026-06-01T11:50:00Z',
       missing = '{"eks:CreateAccessEntry": "Entryway lacks eks:CreateAccessEntry."}'
 WHERE cluster_name = 'prod';
