-- Checkpoints: events of the type audit.checkpoint, each over all events since the one before it, with its hash as prev_hash.

-- One after another, never two after the same: replicas that both thought it was their turn would fork the chain.
CREATE UNIQUE INDEX event_checkpoint_link ON event (coalesce(prev_hash, '')) WHERE type = 'audit.checkpoint';
-- How the latest is found, and how whoever verifies walks from one to the next.
CREATE INDEX event_checkpoint ON event (seq) WHERE type = 'audit.checkpoint';

-- tx was to tell readers where to stop, and cannot: the order in which transactions get their ids is not the order in which
-- they draw seq, so below the oldest one still running there may be gaps that it is yet to fill. Who reads the log now looks
-- at the locks on the table instead (src/store/settled.rs), which say exactly who may still be about to fill one.
ALTER TABLE event DROP COLUMN tx;
