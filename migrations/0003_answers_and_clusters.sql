-- What must hold across replicas and survive any of them.

-- The first answer to a call with an Idempotency-Key, stored in the transaction of what it did. There is no row
-- for a call that is still running: an advisory lock of that transaction stands for it, and ends with it.
CREATE TABLE idempotent_answer (
    caller      text        NOT NULL,
    route       text        NOT NULL,
    key         text        NOT NULL,
    -- SHA-256 of the call; the same key with another call is refused.
    fingerprint bytea       NOT NULL,
    status      smallint    NOT NULL,
    headers     jsonb       NOT NULL,
    body        bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (caller, route, key)
);
CREATE INDEX idempotent_answer_by_age ON idempotent_answer (created_at);

-- What EKS last said about each configured cluster. One replica asks at a time: it moves next_check_at first.
CREATE TABLE cluster_health (
    cluster_name        text        PRIMARY KEY,
    next_check_at       timestamptz NOT NULL,
    checked_at          timestamptz,
    status              text,
    authentication_mode text,
    platform_version    text,
    problems            jsonb       NOT NULL DEFAULT '[]'
);

-- Keys that all replicas share and nobody configures. Two random UUIDs are 244 random bits.
CREATE TABLE shared_key (
    name  text PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO shared_key (name, value)
VALUES ('page-token', gen_random_uuid()::text || gen_random_uuid()::text);
