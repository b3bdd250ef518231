-- What the service needs of its database, for a role that owns nothing in it: it can add to the log of events and read it,
-- and can neither change nor remove what is there. `entryway migrate --grant-to ROLE` runs this after the migrations, as the
-- role that owns the tables; by hand: psql -v role=entryway_service -f grants.sql. Running it again after each upgrade does
-- no harm, and is needed when a table came with it.
GRANT USAGE ON SCHEMA public TO :"role";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"role";
GRANT INSERT, UPDATE ON request, entry, cluster_health, eks_pace, person, destination, slack_message, slack_turn TO :"role";
GRANT INSERT, UPDATE, DELETE ON idempotent_answer, call_allowance, delivery_lane, delivery_given_up, slack_call TO :"role";
GRANT INSERT, DELETE ON slack_user, slack_link TO :"role";
GRANT INSERT ON review TO :"role";
-- Not seq: whoever could choose it could file an event between others.
GRANT INSERT (id, type, at, actor, submitted_by, via, request_id, cluster_name, principal_arn, data, prev_hash, hash)
    ON event TO :"role";
