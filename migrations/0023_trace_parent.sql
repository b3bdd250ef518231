-- The place in a trace (W3C Trace Context, `traceparent`) at which a request was filed. What the worker does for it, minutes or days
-- later and in another process, is to be found in the same trace. It is for people who ask where time went: nothing is decided by
-- it, and nothing else of what a caller's trace may carry is kept.
ALTER TABLE request ADD COLUMN trace_parent text;
ALTER TABLE request ADD CONSTRAINT request_trace_parent_form CHECK (
    trace_parent ~ '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$'
);
