-- Requests, their reviews, and the entries they add up to.
--
-- A request is what somebody asked for; it never changes once it is filed, only its state does. A review is one
-- person's word on one request. An entry is the unit the worker reconciles: one row per (cluster, principal),
-- because EKS has one access entry per principal and cluster, whatever number of requests it is made up of.

CREATE TABLE request (
    id                 uuid PRIMARY KEY,

    -- What was asked for. spec_digest is over all of it, and is checked whenever a row is read.
    cluster_name       text        NOT NULL,
    principal_arn      text        NOT NULL,
    content            jsonb       NOT NULL,
    tags               jsonb       NOT NULL,
    reason             text        NOT NULL,
    ticket             text,
    duration_ms        bigint      CHECK (duration_ms > 0),
    start_at           timestamptz,
    break_glass        boolean     NOT NULL,
    spec_digest        text        NOT NULL,
    requester          text        NOT NULL,
    submitted_by       text,
    extends            uuid        REFERENCES request (id),
    warnings           jsonb       NOT NULL,

    -- Where it is in its life. moved_from is the state before the present one, so that the table of legal moves
    -- (src/domain/states.rs) can stand here as a plain CHECK.
    state              text        NOT NULL,
    moved_from         text,
    end_reason         text        CHECK (end_reason IN ('expired', 'revoked', 'relinquished', 'superseded', 'policy')),
    version            bigint      NOT NULL DEFAULT 1,
    policy_digest      text        NOT NULL,
    starts_at          timestamptz,
    applied_at         timestamptz,
    verified_at        timestamptz,
    expires_at         timestamptz,
    ended_at           timestamptz,
    verification_level text        NOT NULL DEFAULT 'none' CHECK (verification_level IN ('none', 'recorded', 'settled')),
    agreeing_reads     integer     NOT NULL DEFAULT 0,
    lag_ms             bigint,
    last_error         jsonb,
    lapses_at          timestamptz NOT NULL,
    applying_since     timestamptz,
    -- The hash of its latest event: the end of its chain.
    chain_head         text        NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,

    CONSTRAINT request_move CHECK (
        (moved_from IS NULL AND state IN ('pending', 'scheduled', 'applying'))
        OR (moved_from, state) IN (
            ('pending', 'applying'), ('pending', 'scheduled'), ('pending', 'denied'), ('pending', 'withdrawn'),
            ('pending', 'lapsed'),
            ('scheduled', 'applying'), ('scheduled', 'revoking'), ('scheduled', 'failed'),
            ('applying', 'verifying'), ('applying', 'failed'), ('applying', 'revoking'),
            ('verifying', 'active'), ('verifying', 'failed'), ('verifying', 'revoking'),
            ('active', 'applying'), ('active', 'revoking'), ('active', 'failed'),
            ('revoking', 'ended'),
            ('failed', 'applying')
        )
    ),
    CONSTRAINT request_end_reason CHECK ((end_reason IS NOT NULL) = (state IN ('revoking', 'ended'))),
    CONSTRAINT request_ended_at CHECK ((ended_at IS NOT NULL) = (state = 'ended')),
    CONSTRAINT request_active_is_proven CHECK (state <> 'active' OR (starts_at IS NOT NULL AND verified_at IS NOT NULL)),
    CONSTRAINT request_expiry_follows_start CHECK (
        starts_at IS NULL OR duration_ms IS NULL
        OR expires_at = starts_at + duration_ms * interval '1 millisecond'
    ),
    CONSTRAINT request_failed_says_why CHECK (state <> 'failed' OR last_error IS NOT NULL)
);

-- Lists are newest first; a UUID v7 rises with time, so the key is the order and no list ever sorts.
CREATE INDEX request_by_state ON request (state, id DESC);
CREATE INDEX request_by_cluster ON request (cluster_name, id DESC);
CREATE INDEX request_by_principal ON request (principal_arn, id DESC);
CREATE INDEX request_by_requester ON request (requester, id DESC);
CREATE INDEX request_pending_by_lapse ON request (lapses_at) WHERE state = 'pending';
CREATE INDEX request_pending_by_requester ON request (requester) WHERE state = 'pending';
CREATE INDEX request_by_expiry ON request (expires_at) WHERE expires_at IS NOT NULL;
-- What the worker loads for an entry.
CREATE INDEX request_of_entry ON request (cluster_name, principal_arn)
    WHERE state IN ('scheduled', 'applying', 'verifying', 'active', 'revoking');

CREATE TABLE review (
    id           uuid        PRIMARY KEY,
    request_id   uuid        NOT NULL REFERENCES request (id),
    reviewer     text        NOT NULL,
    decision     text        NOT NULL CHECK (decision IN ('approve', 'deny')),
    comment      text,
    via          text        NOT NULL CHECK (via IN ('api', 'slack', 'console', 'worker', 'cli')),
    submitted_by text,
    -- What the reviewer saw; a review of anything else counts for nothing.
    spec_digest  text        NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT review_once_per_person UNIQUE (request_id, reviewer),
    CONSTRAINT review_deny_says_why CHECK (decision <> 'deny' OR btrim(comment) <> '')
);

CREATE TABLE entry (
    cluster_name       text        NOT NULL,
    principal_arn      text        NOT NULL,

    -- When to look at it next: the earliest of what changed, a start, an expiry, the next read. NULL: never.
    next_run_at        timestamptz,
    -- When there is something to take away. Ending beats granting: these are claimed first.
    ends_at            timestamptz,
    -- Counts what was done to it from outside the worker, so that a run that ends cannot sleep through it.
    wakes              bigint      NOT NULL DEFAULT 0,

    lease_token        uuid,
    lease_until        timestamptz,
    -- Failed attempts in a row, counted when it is claimed, so that a worker that dies counts too.
    attempts           integer     NOT NULL DEFAULT 0,

    -- What EKS was last told, {"content": null} for a deleted entry. For a while after a write it is a better
    -- witness than a read. NULL when Entryway never wrote.
    written            jsonb,
    -- When EKS was last told anything, and whether the answer to that was lost.
    touched_at         timestamptz,
    unsure             boolean     NOT NULL DEFAULT false,

    agreeing_reads     integer     NOT NULL DEFAULT 0,
    agreeing_since     timestamptz,
    -- The digest of what those reads agreed with: a proof is a proof of one thing only.
    proof_of           text,
    disagreeing_reads  integer     NOT NULL DEFAULT 0,
    last_read_at       timestamptz,
    access_entry_arn   text,
    last_error         jsonb,
    drifted            boolean     NOT NULL DEFAULT false,
    overdue_reported   boolean     NOT NULL DEFAULT false,

    PRIMARY KEY (cluster_name, principal_arn),
    CONSTRAINT entry_lease_is_whole CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CONSTRAINT entry_unsure_of_something CHECK (NOT unsure OR touched_at IS NOT NULL)
);
CREATE INDEX entry_ending ON entry (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX entry_due ON entry (next_run_at) WHERE next_run_at IS NOT NULL;
