//! What is stored and reviewed is one canonical form, however it was written.

use super::*;

fn accepted(change: impl Fn(&mut World)) -> Spec {
    let mut world = World::sound();
    change(&mut world);
    world.check().expect("a sound ask").spec
}

#[test]
fn a_start_a_moment_ago_means_now() {
    for ago in [TimeDelta::zero(), TimeDelta::seconds(1), TimeDelta::seconds(60)] {
        assert_eq!(accepted(|world| world.ask.start_at = Some(world.now - ago)).start_at, None);
    }
}

#[test]
fn a_start_is_kept_to_the_microsecond_which_is_what_the_database_keeps() {
    let second = World::sound().now + TimeDelta::seconds(1);
    let spec = accepted(|world| world.ask.start_at = Some(second + TimeDelta::nanoseconds(1_999)));
    assert_eq!(spec.start_at, Some(second + TimeDelta::microseconds(1)));
    let spec = accepted(|world| world.ask.start_at = Some(world.now + TimeDelta::nanoseconds(999)));
    assert_eq!(spec.start_at, None, "what the database would make of it means now");
}

#[test]
fn words_lose_the_spaces_around_them_and_foreign_line_ends() {
    let spec = accepted(|world| {
        world.ask.reason = Some("  two\r\nlines\n".into());
        world.ask.ticket = Some(" PAY-1\n".into());
    });
    assert_eq!((spec.reason.as_str(), spec.ticket.as_deref()), ("two\nlines", Some("PAY-1")));
    assert_eq!(accepted(|world| world.ask.ticket = Some(" ".into())).ticket, None);
}

#[test]
fn an_empty_username_is_none() {
    assert_eq!(accepted(|world| world.ask.username = Some(String::new())).content.username, None);
}

#[test]
fn spellings_of_the_same_ask_have_the_same_digest() {
    let digest = accepted(|_| {}).digest();
    let arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    for same in [
        |world: &mut World| world.ask.entry_type = Some("standard".into()),
        |world: &mut World| world.ask.duration = Some("PT480M".into()),
    ] {
        assert_eq!(accepted(same).digest(), digest);
    }
    let longhand = accepted(|world| world.ask.access_policies = vec![in_namespaces(arn, &["payments", "payments"])]);
    assert_eq!(longhand.digest(), digest);
    assert_ne!(accepted(|world| world.ask.duration = Some("7h".into())).digest(), digest);
}
