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

/// A raw ES256 signature as other libraries write it: two integers in DER.
fn as_der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let mut whole = vec![0; usize::from(bytes[0] > 127)];
        whole.extend_from_slice(bytes);
        [vec![2, u8::try_from(whole.len()).unwrap()], whole].concat()
    };
    let both = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [vec![0x30, u8::try_from(both.len()).unwrap()], both].concat()
}

/// Shapes that some library or other has taken: signatures that are no numbers, headers that say a thing twice, tokens in a token.
#[tokio::test]
async fn a10_no_odd_shape_of_a_token_is_taken_for_a_signed_one() {
    let (rsa, ec) = (Signer::rsa("r"), Signer::ec("e"));
    let provider = Provider::start(&[rsa.clone(), ec.clone()]).await;
    let api = taking(&provider).await;
    let sound = claims(&provider.issuer, "erin", &["sre"], 0);
    let signed = ec.sign(&sound);
    me(&api, &signed).await.is(200);

    let (message, signature) = signed.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let with = |bytes: &[u8]| format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes));
    // The order of P-256: zero to whoever computes with it.
    let order = [[0xff; 4], [0; 4], [0xff; 4], [0xff; 4]].concat();
    let order =
        [order, vec![0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51]];
    let order = order.concat();
    let header = |text: &str| format!("{}.{body}", URL_SAFE_NO_PAD.encode(text));
    let none_and_es = r#"{"alg":"none","alg":"ES256","kid":"e","typ":"JWT"}"#;
    let claims_twice = format!(r#"{{"sub":"carol",{}"#, &sound.to_string()[1..]);
    let [rsa_as_pss, rsa_as_ec] = ["PS256", "ES256"].map(|alg| rsa.sign_as(&json!({"alg": alg, "kid": "r"}), &sound));
    all_are_nobodys(
        &api,
        &[
            ("a signature of zeros", with(&[0; 64])),
            ("a signature of ones", with(&[[0; 31].as_slice(), &[1], &[0; 31], &[1]].concat())),
            ("a signature of the order", with(&[order.clone(), order.clone()].concat())),
            ("a signature in DER", with(&as_der(&raw))),
            ("a zero in DER", with(&[0x30, 6, 2, 1, 0, 2, 1, 0])),
            ("a signature that is too long", with(&[raw.as_slice(), &[0]].concat())),
            ("halves exchanged", with(&[&raw[32..], &raw[..32]].concat())),
            (
                "an RSA signature of zeros",
                format!(
                    "{}.{body}.{}",
                    segment(&json!({"alg": "RS256", "kid": "r"})),
                    URL_SAFE_NO_PAD.encode([0; 256])
                ),
            ),
            (
                "an RSA signature of one",
                format!(
                    "{}.{body}.{}",
                    segment(&json!({"alg": "RS256", "kid": "r"})),
                    URL_SAFE_NO_PAD.encode([[0; 255].as_slice(), &[1]].concat())
                ),
            ),
            ("PSS by a key that is not for it", rsa_as_pss),
            ("RSA that says it is ECDSA", rsa_as_ec),
            ("an algorithm twice", ec.sign_text(&header(none_and_es))),
            ("an algorithm in small letters", ec.sign_text(&header(r#"{"alg":"es256","kid":"e"}"#))),
            ("an algorithm with a space", ec.sign_text(&header(r#"{"alg":"ES256 ","kid":"e"}"#))),
            ("several algorithms", ec.sign_text(&header(r#"{"alg":["none","ES256"],"kid":"e"}"#))),
            ("no algorithm", ec.sign_text(&header(r#"{"kid":"e"}"#))),
            ("a number as the name of a key", ec.sign_text(&header(r#"{"alg":"ES256","kid":0}"#))),
            ("several names of keys", ec.sign_text(&header(r#"{"alg":"ES256","kid":["e"]}"#))),
            ("an empty name of a key", ec.sign_text(&header(r#"{"alg":"ES256","kid":""}"#))),
            ("the name of a key in capitals", ec.sign_text(&header(r#"{"alg":"ES256","kid":"E"}"#))),
            ("a NUL in the name of a key", ec.sign_text(&header(r#"{"alg":"ES256","kid":"e\u0000"}"#))),
            ("a header that is no object", ec.sign_text(&header(r#"["ES256"]"#))),
            ("a header with a mark before it", ec.sign_text(&header("\u{feff}{\"alg\":\"ES256\",\"kid\":\"e\"}"))),
            ("a header with more after it", ec.sign_text(&header(r#"{"alg":"ES256","kid":"e"}{}"#))),
            (
                "claims twice, under the signature of once",
                format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(&claims_twice)),
            ),
            (
                "a token in a token",
                ec.sign_text(&format!(
                    "{}.{}",
                    segment(&json!({"alg": "ES256", "kid": "e", "cty": "JWT"})),
                    URL_SAFE_NO_PAD.encode(&signed)
                )),
            ),
            ("what was signed elsewhere", format!("{head}..{signature}")),
            ("five parts, as of what is encrypted", format!("{head}.{body}.{signature}.{signature}.{signature}")),
            ("the JSON form", json!({"payload": body, "protected": head, "signature": signature}).to_string()),
            ("padding", format!("{head}=.{body}.{signature}")),
            ("padding after the signature", format!("{signed}==")),
            ("a space in the middle", signed.replacen('.', ". ", 1)),
            ("percent signs", signed.replace('.', "%2e")),
        ],
    )
    .await;
    assert!(provider.fetched() <= 2, "{} times: unknown keys are asked for once", provider.fetched());
    me(&api, &signed).await.is(200);
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
        (json!({"exp": format!("{}", at + 3600)}), "no time"),
        (json!({"exp": 1e300}), "no time"),
        (json!({"nbf": true}), "no time"),
        (json!({"iat": -1}), "no time"),
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
