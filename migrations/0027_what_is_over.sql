-- How many requests there are in each state is asked with every look at the figures, on each replica, and counting all that there
-- ever were takes longer from year to year. What is over stays so and has said so once, in the log: a process counts on from
-- where it was (src/store/figures/over.rs).

CREATE INDEX event_over ON event (seq) INCLUDE (type)
    WHERE type IN ('request.denied', 'request.withdrawn', 'request.lapsed', 'request.ended');
