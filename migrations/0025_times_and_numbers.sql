-- A time that is none ("infinity", or so many thousand years ahead that no program can hold it) is what somebody writes by hand who
-- wants something never to happen. No code of ours can read it: one request that never lapses would stop every worker, again and
-- again, and with them the end of everybody's access. Nor can a number be read that is too large for any program, and one row that
-- holds one would hide all others in every list. Rows are not read for it now, since all of them were written by code of ours.
--
-- Each table is locked for a moment and kept so to the end, and nobody gets through meanwhile. Where a table is not to be had, as
-- during a dump, this gives up soon, changes nothing, and is run again.
SET LOCAL lock_timeout = '2s';

ALTER TABLE call_allowance
    ADD CONSTRAINT call_allowance_times CHECK (full_at > '-infinity' AND full_at < '200000-01-01Z') NOT VALID;
ALTER TABLE eks_pace
    ADD CONSTRAINT eks_pace_times CHECK (
        least(filled_at, slowed_at) > '-infinity'
        AND greatest(filled_at, slowed_at) < '200000-01-01Z'
    ) NOT VALID;
ALTER TABLE slack_call
    ADD CONSTRAINT slack_call_times CHECK (
        least(taken_at, done_at) > '-infinity'
        AND greatest(taken_at, done_at) < '200000-01-01Z'
    ) NOT VALID;
ALTER TABLE slack_link
    ADD CONSTRAINT slack_link_times CHECK (expires_at > '-infinity' AND expires_at < '200000-01-01Z') NOT VALID;
ALTER TABLE idempotent_answer
    ADD CONSTRAINT idempotent_answer_times CHECK (created_at > '-infinity' AND created_at < '200000-01-01Z') NOT VALID;
ALTER TABLE request
    ADD CONSTRAINT request_times CHECK (
        least(start_at, starts_at, applied_at, verified_at, expires_at, ended_at, lapses_at, applying_since, created_at,
            updated_at, remind_at) > '-infinity'
        AND greatest(start_at, starts_at, applied_at, verified_at, expires_at, ended_at, lapses_at, applying_since, created_at,
            updated_at, remind_at) < '200000-01-01Z'
    ) NOT VALID,
    ADD CONSTRAINT request_numbers CHECK (
        NOT content @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT tags @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT warnings @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT last_error @? '$.** ? (@ > 1e300 || @ < -1e300)'
    ) NOT VALID;
ALTER TABLE review
    ADD CONSTRAINT review_times CHECK (created_at > '-infinity' AND created_at < '200000-01-01Z') NOT VALID;
ALTER TABLE entry
    ADD CONSTRAINT entry_times CHECK (
        least(next_run_at, ends_at, lease_until, touched_at, agreeing_since, last_read_at, doubt_until, recheck_at,
            repair_asked_at) > '-infinity'
        AND greatest(next_run_at, ends_at, lease_until, touched_at, agreeing_since, last_read_at, doubt_until, recheck_at,
            repair_asked_at) < '200000-01-01Z'
    ) NOT VALID,
    ADD CONSTRAINT entry_numbers CHECK (
        NOT written @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT last_error @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT baseline @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT binding @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT unheard @? '$.** ? (@ > 1e300 || @ < -1e300)'
    ) NOT VALID;
ALTER TABLE person
    ADD CONSTRAINT person_times CHECK (
        least(issued_at, known_until, first_seen_at, changed_at) > '-infinity'
        AND greatest(issued_at, known_until, first_seen_at, changed_at) < '200000-01-01Z'
    ) NOT VALID;
ALTER TABLE cluster_health
    ADD CONSTRAINT cluster_health_times CHECK (
        least(next_check_at, checked_at, gone_since, gone_at, probed_at, next_list_at) > '-infinity'
        AND greatest(next_check_at, checked_at, gone_since, gone_at, probed_at, next_list_at) < '200000-01-01Z'
    ) NOT VALID,
    ADD CONSTRAINT cluster_health_numbers CHECK (
        NOT problems @? '$.** ? (@ > 1e300 || @ < -1e300)'
        AND NOT missing @? '$.** ? (@ > 1e300 || @ < -1e300)'
    ) NOT VALID;
ALTER TABLE slack_user
    ADD CONSTRAINT slack_user_times CHECK (linked_at > '-infinity' AND linked_at < '200000-01-01Z') NOT VALID;
ALTER TABLE slack_message
    ADD CONSTRAINT slack_message_times CHECK (shown_at > '-infinity' AND shown_at < '200000-01-01Z') NOT VALID;
ALTER TABLE destination
    ADD CONSTRAINT destination_times CHECK (gone_at > '-infinity' AND gone_at < '200000-01-01Z') NOT VALID;
ALTER TABLE delivery_lane
    ADD CONSTRAINT delivery_lane_times CHECK (
        least(next_attempt_at, lease_until, first_tried_at) > '-infinity'
        AND greatest(next_attempt_at, lease_until, first_tried_at) < '200000-01-01Z'
    ) NOT VALID;
ALTER TABLE delivery_given_up
    ADD CONSTRAINT delivery_given_up_times CHECK (
        least(first_tried_at, given_up_at) > '-infinity'
        AND greatest(first_tried_at, given_up_at) < '200000-01-01Z'
    ) NOT VALID;
ALTER TABLE event
    ADD CONSTRAINT event_times CHECK (at > '-infinity' AND at < '200000-01-01Z') NOT VALID;
