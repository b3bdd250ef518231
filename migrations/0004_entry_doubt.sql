-- A write whose answer was lost may still show after a later write was answered. Until it must have become visible, an
-- agreeing read proves nothing; the later write alone made that be forgotten.

ALTER TABLE entry ADD COLUMN doubt_until timestamptz;
