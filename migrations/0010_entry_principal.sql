-- EKS binds an access entry to the unique id of its principal and shows it to nobody. A role that is deleted and made anew
-- under the same ARN has another id: its entry reads as before and lets nobody in. So what IAM said when the entry was made is
-- kept beside it, with what has become of the principal since, and a repair that somebody asked for outlives the process that
-- was asked.

ALTER TABLE entry ADD COLUMN binding jsonb;
ALTER TABLE entry ADD COLUMN repair_asked_at timestamptz;
