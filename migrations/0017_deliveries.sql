-- What is told to others: webhooks, and whatever other channels there are. The log of events is the outbox: nothing is written in the
-- transaction of what it tells of. A destination reads the log up to where it is final (src/store/settled.rs) and takes what it
-- wants into lanes.
--
-- The work item is the lane: what is about one request goes to one destination one after the other, and what cannot be
-- delivered holds back its own lane and nothing else.

CREATE TABLE destination (
    name         text        PRIMARY KEY,
    -- Everything up to this seq has been delivered, stands in a lane, was given up, or is not wanted.
    position     bigint      NOT NULL,
    -- When it said that it is gone for good, and where it led to then: once it leads elsewhere, it is back.
    gone_at      timestamptz,
    gone_address text,
    CONSTRAINT destination_gone_is_whole CHECK ((gone_at IS NULL) = (gone_address IS NULL))
);

CREATE TABLE delivery_lane (
    destination     text        NOT NULL REFERENCES destination (name),
    lane            text        NOT NULL,
    -- The seq of what is to be delivered, next first. A lane with nothing in it is deleted.
    queue           bigint[]    NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    lease_token     uuid,
    lease_until     timestamptz,
    -- About the first in the queue. Counted when it is claimed, so that a worker that dies counts too.
    attempts        integer     NOT NULL DEFAULT 0,
    first_tried_at  timestamptz,
    last_error      text,
    PRIMARY KEY (destination, lane),
    CONSTRAINT delivery_lane_lease_is_whole CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);
CREATE INDEX delivery_lane_due ON delivery_lane (destination, next_attempt_at);

-- What was given up. A replay takes it up again.
CREATE TABLE delivery_given_up (
    destination    text        NOT NULL REFERENCES destination (name),
    seq            bigint      NOT NULL,
    attempts       integer     NOT NULL,
    first_tried_at timestamptz NOT NULL,
    given_up_at    timestamptz NOT NULL,
    last_error     text        NOT NULL,
    PRIMARY KEY (destination, seq)
);
