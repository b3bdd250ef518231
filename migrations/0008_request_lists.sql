-- A list by cluster, requester or principal that also picks states has to find the rare among the many: the undecided ones
-- of a cluster with a million requests behind it. With the state in the index no list walks through what it leaves out.

CREATE INDEX request_by_cluster_and_state ON request (cluster_name, state, id DESC);
CREATE INDEX request_by_principal_and_state ON request (principal_arn, state, id DESC);
CREATE INDEX request_by_requester_and_state ON request (requester, state, id DESC);

-- Counting somebody's undecided requests reads the last of these now.
DROP INDEX request_pending_by_requester;

-- No query asks by expiry alone: the worker goes by entries, and lists by ids.
DROP INDEX request_by_expiry;
