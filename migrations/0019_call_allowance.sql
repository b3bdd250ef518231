-- How often somebody may call holds for all replicas together, so what they have used up is kept where all of them see it. Replicas
-- write it seldom (one call in thousands), and losing it gives everybody a minute's worth of calls, no more: it is not worth a log.

CREATE UNLOGGED TABLE call_allowance (
    -- SHA-256 of who calls: bounded, and of no use to anybody who reads it.
    caller  bytea       PRIMARY KEY CHECK (length(caller) = 32),
    -- When everything that was used up will have been earned back.
    full_at timestamptz NOT NULL
);
