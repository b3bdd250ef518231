-- Where a cluster lets grants be layered on entries of others, what such an entry held before has to be known until it is
-- put back exactly as it was found, whatever crashes meanwhile.

ALTER TABLE entry ADD COLUMN baseline jsonb;
