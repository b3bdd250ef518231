//! Abuse cases A-10, A-12 and A-13: tokens that nobody issued, issued for something else, or not to a person.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::provider::{Provider, Signer, segment};
use super::{changed, claims, me, post, taking};
use crate::harness::database::number;
use crate::http::bed::{Api, ask, path};

fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let text = format!("{}.{}", segment(header), segment(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Shows each token; none opens the door, and none hears more than the others.
async fn all_are_nobodys(api: &Api, tokens: &[(&str, String)]) {
    for (what, token) in tokens {
        let answer = me(api, token).await;
        assert_eq!((answer.status, answer.code()), (401, "unauthenticated"), "{what}: {answer:?}");
        assert!(answer.detail().starts_with("nobody here has this token"), "{what}: {answer:?}");
        assert!(!answer.text.contains(token.as_str()), "{what} is repeated");
    }
    assert_eq!(api.bed.writes(), Vec::<String>::new(), "EKS is untouched");
}

#[tokio::test]
async fn a10_what_no_key_of_the_provider_has_signed_is_nobodys() {
    let (rsa, ec) = (Signer::rsa("r"), Signer::ec("e"));
    let provider = Provider::start(&[rsa.clone(), ec.clone()]).await;
    let api = taking(&provider).await;
    let sound = claims(&provider.issuer, "erin", &["sre"], 0);
    me(&api, &rsa.sign(&sound)).await.is(200);

    let none = |alg: &str, end: &str| format!("{}.{}{end}", segment(&json!({"alg": alg, "kid": "r"})), segment(&sound));
    let jwk = rsa.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let hs = json!({"alg": "HS256", "kid": "r", "typ": "JWT"});
    let mallory = Signer::rsa("r");
    let header = |more: Value| {
        let mut header = json!({"alg": "RS256", "kid": "m", "typ": "JWT"});
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        header
    };
    let base = api.base.clone();
    let signed = rsa.sign(&sound);
    let (message, signature) = signed.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let raised = segment(&changed(sound.clone(), json!({"sub": "carol"})));
    all_are_nobodys(
        &api,
        &[
            ("alg none", none("none", ".")),
            ("alg None", none("None", ".")),
            ("alg none without the last dot", none("none", "")),
            ("alg none with a signature", none("none", &format!(".{signature}"))),
            ("HS256 with the modulus", hs256(&hs, &sound, &modulus)),
            ("HS256 with the key as JSON", hs256(&hs, &sound, jwk.to_string().as_bytes())),
            ("HS256 with the modulus as text", hs256(&hs, &sound, jwk["n"].as_str().unwrap().as_bytes())),
            ("HS256 with nothing", hs256(&hs, &sound, b"")),
            ("another key of the same name", mallory.sign(&sound)),
            ("another algorithm than the key's", rsa.sign_as(&json!({"alg": "RS512", "kid": "r"}), &sound)),
            ("the name of a key of another kind", ec.sign_as(&json!({"alg": "ES256", "kid": "r"}), &sound)),
            ("no name of a key where there are two", rsa.sign_as(&json!({"alg": "RS256"}), &sound)),
            ("a path as the name", mallory.sign_as(&header(json!({"kid": "../../../../dev/null"})), &sound)),
            ("a query as the name", mallory.sign_as(&header(json!({"kid": "' OR '1'='1"})), &sound)),
            ("keys elsewhere", mallory.sign_as(&header(json!({"jku": format!("{base}/readyz")})), &sound)),
            ("a certificate elsewhere", mallory.sign_as(&header(json!({"x5u": format!("{base}/readyz")})), &sound)),
            ("a key of its own", mallory.sign_as(&header(json!({"kid": "r", "jwk": mallory.jwk()})), &sound)),
            ("a word that it has signed out", rsa.sign_as(&header(json!({"kid": "r", "typ": "logout+jwt"})), &sound)),
            ("something critical", rsa.sign_as(&header(json!({"kid": "r", "crit": ["b64"], "b64": false})), &sound)),
            ("another name under the signature", format!("{head}.{raised}.{signature}")),
            ("no signature", format!("{message}.")),
            ("half a signature", format!("{message}.{}", &signature[..100])),
            ("more after the signature", format!("{signed}.{signature}")),
            ("an issuer that is not configured", rsa.sign(&changed(sound.clone(), json!({"iss": "https://evil"})))),
            (
                "an issuer with a slash",
                rsa.sign(&changed(sound.clone(), json!({"iss": format!("{}/", provider.issuer)}))),
            ),
            ("no issuer", rsa.sign(&changed(sound.clone(), json!({"iss": null})))),
            ("several issuers", rsa.sign(&changed(sound.clone(), json!({"iss": [provider.issuer]})))),
            ("claims that are none", rsa.sign(&json!([1]))),
            ("no JSON", rsa.sign_text(&format!("{head}.{}", URL_SAFE_NO_PAD.encode("{")))),
            ("the alphabet of another base64", signed.replace(['-', '_'], "+")),
            ("dots", "..".to_owned()),
            ("four dots", "a.b.c.d.e".to_owned()),
            ("a token in base64", STANDARD.encode(&signed)),
        ],
    )
    .await;
    assert!(provider.fetched() <= 2, "{} times: unknown keys are asked for once", provider.fetched());
    me(&api, &signed).await.is(200);
    let noted = "SELECT count(*) FROM event WHERE type = 'auth.failed'";
    assert_eq!(number(&api.bed.url, noted).await, 1, "on record, and no flood of it");
}

#[tokio::test]
async fn a10_a_genuine_token_that_is_not_good_says_why() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = taking(&provider).await;
    let sound = claims(&provider.issuer, "erin", &["sre"], 0);
    let at = sound["iat"].as_i64().unwrap();
    for (changes, why) in [
        (json!({"aud": "somebody-else"}), "audience \"entryway\""),
        (json!({"aud": null}), "audience"),
        (json!({"exp": null}), "(exp)"),
        (json!({"exp": at + 10 * 365 * 86_400}), "too long"),
        (json!({"exp": at - 31}), "expired"),
        (json!({"nbf": at + 31}), "not good yet"),
        (json!({"nbf": null}), "(nbf)"),
        (json!({"sub": null}), "(sub)"),
        (json!({"sub": "erin\u{202e}"}), "(sub)"),
        (json!({"sub": "entryway"}), "Entryway's own"),
        (json!({"sub": "portal"}), "a service"),
        (json!({"sub": "BOB"}), "spelt \"bob\""),
        (json!({"realm": {"groups": [["sre"]]}}), "no list"),
    ] {
        let answer = me(&api, &signer.sign(&changed(sound.clone(), changes.clone()))).await;
        assert_eq!((answer.status, answer.code()), (401, "unauthenticated"), "{changes}: {answer:?}");
        assert!(answer.detail().contains(why), "{changes}: {answer:?}");
    }
    me(&api, &signer.sign(&changed(sound, json!({"exp": at - 29})))).await.is(200);
}

#[tokio::test]
async fn a12_headers_that_anybody_can_write_say_nothing() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = taking(&provider).await;
    let sound = claims(&provider.issuer, "bob", &["sre"], 0);
    let spoofs = [
        ("x-forwarded-user", "bob".to_owned()),
        ("x-forwarded-groups", "sre".to_owned()),
        ("x-remote-user", "bob".to_owned()),
        ("x-remote-group", "sre".to_owned()),
        ("x-auth-request-user", "bob".to_owned()),
        ("x-amzn-oidc-identity", "bob".to_owned()),
        ("x-amzn-oidc-data", signer.sign(&sound)),
        ("x-amzn-oidc-accesstoken", signer.sign(&sound)),
        ("x-forwarded-access-token", signer.sign(&sound)),
        ("cookie", format!("token={}", signer.sign(&sound))),
        ("x-original-url", "/livez".to_owned()),
    ];
    for (name, value) in &spoofs {
        let nobody = api.call(reqwest::Method::GET, "/v1/me").header(name, value).await;
        nobody.fails(401, "unauthenticated");
        let alice = api.get("alice", "/v1/me").header(name, value).await.is(200).body;
        assert_eq!((&alice["user"], &alice["groups"]), (&json!("alice"), &json!(["engineering"])), "{name}");
    }
    let in_the_url = format!("/v1/me?access_token={}", signer.sign(&sound));
    api.call(reqwest::Method::GET, &in_the_url).await.fails(401, "unauthenticated");
}

#[tokio::test]
async fn a13_service_accounts_review_nothing() {
    let signer = Signer::ec("e");
    let provider = Provider::start(std::slice::from_ref(&signer)).await;
    let api = taking(&provider).await;
    let at = path(&api.file("alice", &ask(json!({}))).await);
    let bot = changed(claims(&provider.issuer, "deployer", &["sre", "security"], 0), json!({"idtyp": "app"}));
    let bot = signer.sign(&bot);
    assert_eq!(me(&api, &bot).await.is(200).body["service"], true);
    for decision in ["approve", "deny"] {
        let body = json!({"decision": decision, "comment": "beep"});
        post(&api, &bot, &format!("{at}/reviews"), &body).await.fails(403, "not-a-person");
    }
    let spoken = api.get("portal", "/v1/me").header("entryway-on-behalf-of", "deployer").await;
    spoken.fails(403, "forbidden");
}
