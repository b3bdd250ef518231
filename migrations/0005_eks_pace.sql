-- How fast EKS may be called is a property of the account and region, not of a process: AWS counts the calls of all
-- replicas together, so they share one bucket of turns. Losing a row costs one second's worth of calls, no more.

CREATE TABLE eks_pace (
    account_id text             NOT NULL,
    region     text             NOT NULL,
    -- Calls per second at present: what is configured, or less for a while after AWS said that it was too many.
    rate       double precision NOT NULL CHECK (rate > 0),
    -- Turns left at filled_at. Negative: taken on credit by calls that wait for it to be paid back.
    turns      double precision NOT NULL,
    filled_at  timestamptz      NOT NULL,
    slowed_at  timestamptz,
    PRIMARY KEY (account_id, region)
);
