-- Entries that drifted are counted with every look at the figures, on each replica, and are few among the many that there ever were.

CREATE INDEX entry_drifted ON entry (cluster_name, principal_arn) WHERE drifted;
