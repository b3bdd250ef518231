UPDATE entry SET baseline = '{"accessEntryArn": "arn:aws:eks:eu-central-1:111122223333:access-entry/prod/role/111122223333/ci/2ecbf1fe-4d2e-4bb0-bd4b-5a3ed3a5b3a4",
  "content": {"type": "STANDARD", "username": "ci:{{SessionName}}", "kubernetesGroups": ["deployers"], "accessPolicies": {}},
  "tags": {"team": "ci"}, "confirmed": true}';
