-- Whether entries are still there is found out by listing them, once for a whole cluster instead of once for each entry. One
-- replica lists at a time: it moves next_list_at first.

ALTER TABLE cluster_health ADD COLUMN next_list_at timestamptz NOT NULL DEFAULT 'epoch';

-- Drift that is only reported is reported once. What was reported is remembered, so that whatever is changed after that is
-- not passed over in silence.
ALTER TABLE entry ADD COLUMN drifted_to text;
