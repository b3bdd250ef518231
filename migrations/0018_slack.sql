-- Slack. Who a Slack user is stands here and nowhere else: tied by a person who was signed in, never guessed from an e-mail address
-- or a name. A tie is taken back by removing its row.
CREATE TABLE slack_user (
    team_id   text        NOT NULL,
    user_id   text        NOT NULL,
    user_name text        NOT NULL,
    linked_at timestamptz NOT NULL,

    PRIMARY KEY (team_id, user_id),
    -- One person has one Slack user, so that nobody is sent the same twice and a tie that was forgotten does not go on working.
    CONSTRAINT slack_user_person UNIQUE (team_id, user_name)
);

-- Links that were handed out to Slack users and wait for a signed-in person. Only the hash of the secret in a link is kept.
CREATE TABLE slack_link (
    token_sha256 bytea       PRIMARY KEY,
    team_id      text        NOT NULL,
    user_id      text        NOT NULL,
    display_name text        NOT NULL,
    expires_at   timestamptz NOT NULL
);

-- Calls of Slack's that were taken, so that a replay is recognised on whichever replica it arrives, and so that one whose process
-- died before it was done is not lost in silence: its author is told.
CREATE TABLE slack_call (
    signature_sha256 bytea       PRIMARY KEY,
    user_id          text        NOT NULL,
    what             text        NOT NULL,
    taken_at         timestamptz NOT NULL,
    done_at          timestamptz
);
CREATE INDEX slack_call_by_age ON slack_call (taken_at);

-- Which message shows which request, so that every replica can bring it up to date, also after a restart. A row without ts is about
-- to be posted, or was when its process died.
CREATE TABLE slack_message (
    request_id uuid        NOT NULL REFERENCES request,
    target     text        NOT NULL,
    channel    text,
    ts         text,
    shows      text,
    shown_at   timestamptz NOT NULL,

    PRIMARY KEY (request_id, target),
    CONSTRAINT slack_message_posted CHECK ((channel IS NULL) = (ts IS NULL) AND (ts IS NULL) = (shows IS NULL))
);
