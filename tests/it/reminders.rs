//! People hear that access ends soon: in time, once, whoever of the replicas says it.

use chrono::{DateTime, TimeDelta, Utc};
use entryway::domain::event::EventType;
use entryway::domain::request::Request;
use entryway::domain::states::RequestState;
use entryway::worker::sweep;
use entryway::workflow::Desk;

use crate::harness::{Bed, database, view};

async fn active(bed: &Bed, duration: &str) -> Request {
    let mut ask = view("payments");
    ask.duration = Some(duration.to_owned());
    let request = bed.file("alice", ask).await;
    // The starter policies let an hour through without a sign-off.
    if request.state == RequestState::Pending {
        bed.approve("bob", request.id).await;
    }
    bed.until(request.id, RequestState::Active).await.request
}

/// How long ahead of the end the reminders so far were, and when they were given.
async fn given(bed: &Bed, request: &Request) -> Vec<(String, DateTime<Utc>)> {
    let timeline = bed.timeline("bob", request.id).await;
    let reminders = timeline.into_iter().filter(|event| event.body.event_type == EventType::RequestExpiring);
    reminders.map(|event| (event.body.data["ahead"].as_str().unwrap().to_owned(), event.at)).collect()
}

#[tokio::test]
async fn a_day_an_hour_and_ten_minutes_ahead_once_each_whoever_looks() {
    let bed = Bed::new().await;
    let request = active(&bed, "2d").await;
    let end = request.grant.expires_at.unwrap();
    let replica = Desk { store: database::connect(&bed.url, bed.desk.store.clock().clone()), ..bed.desk.clone() };
    let version = bed.get(request.id).await.request.version;
    for minutes_left in (0..48 * 60).rev().step_by(10) {
        bed.hands.set(end - TimeDelta::minutes(minutes_left + 1));
        let (one, other) = tokio::join!(sweep::remind_all(&bed.desk), sweep::remind_all(&replica));
        one.unwrap();
        other.unwrap();
    }
    let expected = [("P1D", TimeDelta::days(1)), ("PT1H", TimeDelta::hours(1)), ("PT10M", TimeDelta::minutes(10))];
    assert_eq!(given(&bed, &request).await, expected.map(|(name, ahead)| (name.to_owned(), end - ahead)));
    assert_eq!(bed.get(request.id).await.request.version, version, "nobody's view goes stale by a reminder");
}

#[tokio::test]
async fn short_access_has_fewer_and_after_downtime_only_the_latest_is_given() {
    let bed = Bed::new().await;
    let request = active(&bed, "2d").await;
    bed.hands.set(request.grant.expires_at.unwrap() - TimeDelta::minutes(30));
    sweep::remind_all(&bed.desk).await.unwrap();
    sweep::remind_all(&bed.desk).await.unwrap();
    let names: Vec<_> = given(&bed, &request).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["PT1H"], "that there was a day left is no news any more");

    let bed = Bed::new().await;
    let request = active(&bed, "1h").await;
    bed.hands.set(request.grant.expires_at.unwrap() - TimeDelta::minutes(11));
    sweep::remind_all(&bed.desk).await.unwrap();
    assert_eq!(given(&bed, &request).await, [], "it never had more than an hour");
    bed.hands.set(request.grant.expires_at.unwrap() - TimeDelta::minutes(5));
    sweep::remind_all(&bed.desk).await.unwrap();
    assert_eq!(given(&bed, &request).await.len(), 1);

    // What has ended in the meantime is nothing to be reminded of.
    let bed = Bed::new().await;
    let (revoked, late) = (active(&bed, "2d").await, active(&bed, "3d").await);
    bed.revoke("bob", revoked.id).await.unwrap();
    bed.hands.set(late.grant.expires_at.unwrap());
    sweep::remind_all(&bed.desk).await.unwrap();
    assert_eq!((given(&bed, &revoked).await, given(&bed, &late).await), (vec![], vec![]));
}

/// More than one transaction takes.
const MANY: i64 = 250;

/// Puts rows before `request` that only somebody's own hand can have made: what stands in them is not what was signed off.
async fn spoil(bed: &Bed, request: &Request, due: &str) {
    let earlier = format!(
        "INSERT INTO request
         SELECT (jsonb_populate_record(r, jsonb_build_object(
                    'id', gen_random_uuid(), 'spec_digest', 'sha256:spoilt', '{due}', r.{due} - interval '1 minute'))).*
           FROM request r, generate_series(1, {MANY}) WHERE r.id = '{}'",
        request.id
    );
    assert_eq!(i64::try_from(database::by_hand(&bed.url, &earlier).await).unwrap(), MANY);
}

#[tokio::test]
async fn rows_that_make_no_sense_keep_nobody_from_being_reminded_or_from_lapsing() {
    let bed = Bed::new().await;
    let request = active(&bed, "2d").await;
    spoil(&bed, &request, "remind_at").await;
    bed.hands.set(request.grant.expires_at.unwrap() - TimeDelta::minutes(5));
    sweep::remind_all(&bed.desk).await.unwrap();
    assert_eq!(given(&bed, &request).await.len(), 1);

    let bed = Bed::new().await;
    let undecided = bed.file("alice", view("payments")).await;
    spoil(&bed, &undecided, "lapses_at").await;
    bed.hands.set(undecided.lapses_at);
    sweep::lapse_all(&bed.desk).await.unwrap();
    assert_eq!(bed.state(undecided.id).await, RequestState::Lapsed);
}
