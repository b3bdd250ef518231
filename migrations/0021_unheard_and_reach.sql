-- Calls to EKS whose answers nobody has heard. What one of them does may show after a proof; that it was ours and not somebody's
-- change by hand is only known because it is kept which calls these were.
ALTER TABLE entry ADD COLUMN unheard jsonb;

-- How far ahead of its filing access would reach with an extension: what was left of the access that it prolongs, and its own
-- duration on top. Policy limits that, and not how much each of many extensions adds. Those filed before are judged as they were.
ALTER TABLE request ADD COLUMN reach_ms bigint;
ALTER TABLE request ADD CONSTRAINT request_reach_is_of_extensions CHECK (
    reach_ms IS NULL OR (extends IS NOT NULL AND reach_ms >= duration_ms)
);
