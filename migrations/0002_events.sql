-- The audit log. Every change, decision and refusal is one row, written in the transaction of what it tells of.
--
-- hash is over prev_hash and every other field but seq and tx (src/domain/event.rs), prev_hash is the hash of the
-- event before it about the same request. The chain is per request, so that writers of different requests never
-- wait for each other.
--
-- seq is handed out before commit, so a reader could run past a number that is committed late. tx is the writing
-- transaction; readers stop below the oldest one still running, and never skip anything.

CREATE TABLE event (
    seq           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx            xid8        NOT NULL DEFAULT pg_current_xact_id(),
    id            uuid        NOT NULL UNIQUE,
    type          text        NOT NULL,
    at            timestamptz NOT NULL,
    actor         text        NOT NULL,
    submitted_by  text,
    via           text        NOT NULL CHECK (via IN ('api', 'slack', 'console', 'worker', 'cli')),
    request_id    uuid        REFERENCES request (id),
    cluster_name  text,
    principal_arn text,
    data          jsonb       NOT NULL,
    prev_hash     text,
    hash          text        NOT NULL
);
CREATE INDEX event_of_request ON event (request_id, seq) WHERE request_id IS NOT NULL;
