-- A call whose answer never came may take effect long after its entry was proven gone: EKS may have held it up for longer
-- than anybody waits. Such an entry is looked at once more, later.

ALTER TABLE entry ADD COLUMN recheck_at timestamptz;
