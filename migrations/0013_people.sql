-- People and service accounts that tokens of identity providers told about. Who they are is issuer and subject; the name is
-- what requests and reviews are recorded under, and stays theirs: whoever is called the same later is somebody else. The groups
-- are those of the newest token, so that a reviewer who is not on the line still counts, and no longer than known_until.
CREATE TABLE person (
    user_name     text        PRIMARY KEY,
    issuer        text        NOT NULL,
    subject       text        NOT NULL,
    display_name  text,
    groups        text[]      NOT NULL,
    service       boolean     NOT NULL,
    issued_at     timestamptz NOT NULL,
    known_until   timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,

    CONSTRAINT person_identity UNIQUE (issuer, subject)
);

-- Two spellings of one name would be two people, and two approvals.
CREATE UNIQUE INDEX person_spelling ON person (lower(user_name));

-- What replicas read to hear of one another.
CREATE INDEX person_by_change ON person (changed_at);
