//! What is good and what is not, claim by claim.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn rules() -> TokenRules {
    TokenRules {
        issuer: "https://login.example.com".to_owned(),
        audience: "entryway".to_owned(),
        user: Claim::new("sub"),
        user_prefix: String::new(),
        groups: Claim::new("groups"),
        groups_prefix: String::new(),
        display: Claim::new("name"),
        service: None,
        require_nbf: true,
        max_lifetime: TimeDelta::hours(24),
        remember_groups: TimeDelta::days(30),
    }
}

fn now() -> DateTime<Utc> {
    "2026-06-01T12:00:00Z".parse().expect("an instant")
}

/// Sound claims, with `changes`; null takes one out.
fn claims(changes: Value) -> Value {
    let at = now().timestamp();
    let mut claims = json!({
        "iss": "https://login.example.com", "aud": "entryway", "sub": "bob",
        "exp": at + 3600, "nbf": at, "iat": at, "groups": ["sre"], "name": "Bob",
    });
    let all = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => all.remove(name),
            value => all.insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn read(changes: Value) -> Result<Person, Flaw> {
    rules().read(&claims(changes), now())
}

#[test]
fn sound_claims_say_who_it_is() {
    let bob = read(json!({})).expect("sound");
    assert_eq!((bob.user.as_str(), bob.subject.as_str(), bob.display_name.as_deref()), ("bob", "bob", Some("Bob")));
    assert_eq!((bob.groups, bob.service), (["sre".to_owned()].into(), false));
    assert_eq!((bob.issued_at, bob.known_until), (now(), now() + TimeDelta::days(30)));
    read(json!({"aud": ["other", "entryway"]})).expect("one of several audiences");
    assert!(read(json!({"groups": null})).expect("no groups").groups.is_empty());
    assert_eq!(read(json!({"groups": "sre"})).expect("one group").groups.len(), 1);
}

#[test]
fn clocks_may_differ_by_thirty_seconds_and_no_more() {
    let at = now().timestamp();
    for sound in [json!({"exp": at - 29}), json!({"nbf": at + 30, "iat": at + 30}), json!({"exp": at as f64 + 0.5})] {
        read(sound.clone()).unwrap_or_else(|flaw| panic!("{sound}: {flaw}"));
    }
    for unsound in [json!({"exp": at - 30}), json!({"nbf": at + 31}), json!({"iat": at + 31})] {
        read(unsound.clone()).expect_err(&unsound.to_string());
    }
}

#[test]
fn whatever_is_missing_or_odd_is_refused() {
    let at = now().timestamp();
    let unsound = [
        json!({"iss": null}),
        json!({"iss": "https://login.example.com/"}),
        json!({"iss": ["https://login.example.com"]}),
        json!({"aud": null}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"aud": "entryway,other"}),
        json!({"exp": null}),
        json!({"exp": at + 10 * 365 * 86_400}),
        json!({"exp": "2026-06-01T13:00:00Z"}),
        json!({"exp": 1e300}),
        json!({"exp": -1}),
        json!({"exp": i64::MAX}),
        json!({"nbf": null}),
        json!({"nbf": "soon"}),
        json!({"iat": at - 30 * 86_400}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": " bob"}),
        json!({"sub": "bob\n"}),
        json!({"sub": "b\u{202e}ob"}),
        json!({"sub": "entryway"}),
        json!({"sub": "x".repeat(257)}),
        json!({"groups": [1]}),
        json!({"groups": {"sre": true}}),
        json!({"groups": ["sre", "a\u{0}b"]}),
        json!({"groups": vec!["x"; 2001]}),
    ];
    for changes in unsound {
        read(changes.clone()).expect_err(&changes.to_string());
    }
}

#[test]
fn a_provider_without_nbf_can_be_taken_as_it_is() {
    let lenient = TokenRules { require_nbf: false, ..rules() };
    lenient.read(&claims(json!({"nbf": null})), now()).expect("iat says when");
    lenient.read(&claims(json!({"nbf": null, "iat": null})), now()).expect_err("nothing says when");
    lenient.read(&claims(json!({"nbf": now().timestamp() + 60})), now()).expect_err("what is said counts");
}

#[test]
fn claims_are_named_or_pointed_at() {
    let nested = TokenRules {
        user: Claim::new("email"),
        groups: Claim::new("/realm_access/roles"),
        groups_prefix: "kc:".to_owned(),
        user_prefix: "kc:".to_owned(),
        service: Some((Claim::new("https://example.com/kind"), ["app".to_owned()].into())),
        ..rules()
    };
    let said =
        json!({"email": "bob@example.com", "realm_access": {"roles": ["sre"]}, "https://example.com/kind": "app"});
    let bob = nested.read(&claims(said), now()).expect("sound");
    assert_eq!((bob.user.as_str(), bob.subject.as_str()), ("kc:bob@example.com", "bob"));
    assert_eq!((bob.groups, bob.service), (["kc:sre".to_owned()].into(), true));
    let unverified = json!({"email": "bob@example.com", "email_verified": false});
    nested.read(&claims(unverified), now()).expect_err("anybody can type an address");
    let person = nested.read(&claims(json!({"email": "x@y", "email_verified": true})), now()).expect("sound");
    assert!(!person.service && person.groups.is_empty());
}

/// Any JSON, near to what claims hold.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_stands_in_a_claim_it_is_read_or_refused(
        name in proptest::sample::select(vec!["iss", "aud", "sub", "exp", "nbf", "iat", "groups", "name"]), value in anything(),
    ) {
        if let Ok(person) = rules().read(&claims(json!({ name: value })), now()) {
            prop_assert_eq!(person.issuer, "https://login.example.com");
            prop_assert!(!person.user.is_empty() && person.known_until > now());
        }
    }
}

/// What looks like bob to whoever reads the audit log is bob, or nobody.
#[test]
fn a_name_that_passes_for_another_is_refused_and_a_display_name_may_have_joiners() {
    for hidden in
        ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{3164}', '\u{fe0f}', '\u{e0100}', '\u{202e}']
    {
        let name = format!("bo{hidden}b");
        read(json!({"sub": name})).expect_err(&name);
        read(json!({"groups": [format!("sr{hidden}e")]})).expect_err(&name);
    }
    let family = "Bob \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
    assert_eq!(read(json!({"name": family})).expect("sound").display_name.as_deref(), Some(family));
    assert_eq!(read(json!({"name": "\u{202e}boB"})).expect("sound").display_name, None);
}
