-- A cluster that was deleted took its access entries along, so its grants are over; but EKS says "no such cluster" just the
-- same when configuration has its name, account or region wrong, and that must end nothing. So it is kept where EKS last
-- showed a cluster, and since when, how often in a row and for how long it has been saying that there is none.
--
-- And which permissions AWS has refused to Entryway there, by what they are, each with the words that say what to allow.

ALTER TABLE cluster_health
    ADD COLUMN shown_arn    text,
    ADD COLUMN gone_since   timestamptz,
    ADD COLUMN gone_answers integer     NOT NULL DEFAULT 0,
    ADD COLUMN gone_at      timestamptz,
    ADD COLUMN missing      jsonb       NOT NULL DEFAULT '{}',
    ADD COLUMN probed_at    timestamptz,
    ADD CONSTRAINT cluster_gone_is_counted CHECK ((gone_since IS NULL) = (gone_answers = 0)),
    ADD CONSTRAINT cluster_gone_was_shown CHECK (gone_since IS NULL OR shown_arn IS NOT NULL),
    ADD CONSTRAINT cluster_gone_after_some_time CHECK (gone_at IS NULL OR gone_at >= gone_since);

-- Every row there is has passed the shorter list, so nothing needs to be read again.
ALTER TABLE request
    DROP CONSTRAINT request_end_reason_check,
    ADD CONSTRAINT request_end_reason_check CHECK (
        end_reason IN ('expired', 'revoked', 'relinquished', 'superseded', 'policy', 'cluster-gone')
    ) NOT VALID;
