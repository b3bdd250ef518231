-- What happens to a grant between its first write and its end: reminders, extensions, access that somebody took without a
-- sign-off and that waits for a look afterwards, and timelines that tell of all of it.

-- When people are next to hear that access ends soon. The row keeps it, so that every replica knows what has been said.
ALTER TABLE request ADD COLUMN remind_at timestamptz;
CREATE INDEX request_by_reminder ON request (remind_at) WHERE remind_at IS NOT NULL;
UPDATE request
   SET remind_at = (SELECT min(expires_at - ahead)
                      FROM unnest(ARRAY[interval '1 day', interval '1 hour', interval '10 minutes']) AS ahead
                     WHERE expires_at - starts_at > ahead AND expires_at - ahead > now())
 WHERE state IN ('applying', 'verifying', 'active') AND expires_at > now();

-- Applied without a sign-off; open until somebody who could have given one has looked at it.
ALTER TABLE request ADD COLUMN owes_review boolean NOT NULL DEFAULT false;
CREATE INDEX request_owing_review ON request (id DESC) WHERE owes_review;
ALTER TABLE review DROP CONSTRAINT review_decision_check;
ALTER TABLE review ADD CONSTRAINT review_decision_check CHECK (decision IN ('approve', 'deny', 'acknowledge'));

-- An extension takes over at once, and its duration counts from the end of what it prolongs: nobody loses time that was
-- granted before. Everything else lasts for its duration, to the microsecond.
ALTER TABLE request DROP CONSTRAINT request_expiry_follows_start;
ALTER TABLE request ADD CONSTRAINT request_expiry_follows_start CHECK (
    starts_at IS NULL OR duration_ms IS NULL
    OR expires_at = starts_at + duration_ms * interval '1 millisecond'
    OR (extends IS NOT NULL AND expires_at > starts_at + duration_ms * interval '1 millisecond')
);
CREATE INDEX request_by_extended ON request (extends) WHERE extends IS NOT NULL;

-- An event of an entry concerns every grant that the entry is made up of. It is in the chain of one of them and names all of
-- them, which is part of its hash; the timeline of each finds it by that.
CREATE INDEX event_concerning ON event USING gin ((data -> 'requestIds') jsonb_path_ops) WHERE data ? 'requestIds';
