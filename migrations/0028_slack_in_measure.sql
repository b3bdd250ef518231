-- Posting to Slack in measure. A post whose answer was lost may stand there all the same, so it is written down before it is made,
-- with when it may be made again at the earliest: also where the process that made it is gone.
ALTER TABLE slack_message
    -- Posts of which nobody knows whether they arrived, since something was last shown there.
    ADD COLUMN attempts       integer     NOT NULL DEFAULT 0,
    -- Since when posting or changing goes on in vain.
    ADD COLUMN first_tried_at timestamptz,
    ADD COLUMN next_post_at   timestamptz,
    DROP CONSTRAINT slack_message_times,
    ADD CONSTRAINT slack_message_times CHECK (
        least(shown_at, first_tried_at, next_post_at) > '-infinity'
        AND greatest(shown_at, first_tried_at, next_post_at) < '200000-01-01Z'
    ) NOT VALID;

-- Whose turn it is where: a channel or a user, who get one message a second, and methods that Slack said were called too often. All
-- replicas go by it. Losing it costs one more "too many" of Slack's: it is not worth a log.
CREATE UNLOGGED TABLE slack_turn (
    place   text        PRIMARY KEY,
    next_at timestamptz NOT NULL,
    CONSTRAINT slack_turn_times CHECK (next_at > '-infinity' AND next_at < '200000-01-01Z')
);
