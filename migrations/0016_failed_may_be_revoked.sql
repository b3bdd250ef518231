-- What has failed can be retried for as long as its sign-off stands. Whoever takes somebody's access back has to be able to put an
-- end to that as well.

ALTER TABLE request DROP CONSTRAINT request_move;
ALTER TABLE request ADD CONSTRAINT request_move CHECK (
    (moved_from IS NULL AND state IN ('pending', 'scheduled', 'applying'))
    OR (moved_from, state) IN (
        ('pending', 'applying'), ('pending', 'scheduled'), ('pending', 'denied'), ('pending', 'withdrawn'),
        ('pending', 'lapsed'),
        ('scheduled', 'applying'), ('scheduled', 'revoking'), ('scheduled', 'failed'),
        ('applying', 'verifying'), ('applying', 'failed'), ('applying', 'revoking'),
        ('verifying', 'active'), ('verifying', 'failed'), ('verifying', 'revoking'),
        ('active', 'applying'), ('active', 'revoking'), ('active', 'failed'),
        ('revoking', 'ended'),
        ('failed', 'applying'), ('failed', 'revoking')
    )
);
