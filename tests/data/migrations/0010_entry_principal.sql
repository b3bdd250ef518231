UPDATE entry SET repair_asked_at = '2026-06-01T12:10:00Z', binding = '{"accessEntryArn": "arn:aws:eks:eu-central-1:111122223333:access-entry/prod/role/111122223333/my-role/11111111-2222-3333-4444-555555555555",
  "uniqueId": "AROAEXAMPLEEXAMPLEEXA", "standing": "recreated", "found": "AROAEXAMPLEEXAMPLEEXB", "checkedAt": "2026-06-01T12:10:00Z", "condemned": true}';
