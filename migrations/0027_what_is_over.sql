-- How many requests there are in each state is asked with every look at the figures, on each replica, and counting all that there
-- ever were takes longer from year to year. What is over stays so and has said so once, in the log: a process counts on from
-- where it was (src/store/figures/over.rs).
--
-- Nothing is written while an index is made. On a log of many millions of events, make it by hand before the upgrade, with the very
-- same words and CONCURRENTLY, which a migration cannot say: it would wait for the other replicas, which wait for it.

CREATE INDEX IF NOT EXISTS event_over ON event (seq) INCLUDE (type)
    WHERE type IN ('request.denied', 'request.withdrawn', 'request.lapsed', 'request.ended');
