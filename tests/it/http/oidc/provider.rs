//! An identity provider on the loopback that does what tests want it to, and keys of every kind to sign with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A private key with a name.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    pub(super) fn rsa(id: &str) -> Self {
        Self::of_rsa(id, Algorithm::RS256)
    }

    pub(super) fn rsa_pss(id: &str) -> Self {
        Self::of_rsa(id, Algorithm::PS256)
    }

    fn of_rsa(id: &str, algorithm: Algorithm) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = STANDARD.encode(pair.as_der().unwrap().as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        Self { id: id.to_owned(), algorithm, key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap() }
    }

    pub(super) fn ec(id: &str) -> Self {
        Self::of_ec(id, Algorithm::ES256, &ec_pair())
    }

    fn of_ec(id: &str, algorithm: Algorithm, pair: &EcdsaKeyPair) -> Self {
        let der = pair.to_pkcs8v1().unwrap();
        Self { id: id.to_owned(), algorithm, key: EncodingKey::from_ec_der(der.as_ref()) }
    }

    pub(super) fn ec_384(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Self::of_ec(id, Algorithm::ES384, &pair)
    }

    pub(super) fn ed(id: &str) -> Self {
        let der = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
        Self { id: id.to_owned(), algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(der.as_ref()) }
    }

    /// A key for ES256, and its public half as AWS publishes those of load balancers.
    pub(super) fn of_load_balancer(id: &str) -> (Self, String) {
        let pair = ec_pair();
        let der = STANDARD.encode(pair.public_key().as_der().unwrap().as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
        (Self::of_ec(id, Algorithm::ES256, &pair), pem)
    }

    /// The public half.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({"alg": format!("{:?}", self.algorithm), "kid": self.id, "typ": "JWT"}), claims)
    }

    /// Signs what is to be signed, whatever `header` says.
    pub(super) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&format!("{}.{}", segment(header), segment(claims)))
    }

    pub(super) fn sign_text(&self, text: &str) -> String {
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{text}.{signature}")
    }
}

fn ec_pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

pub(super) fn segment(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// How the provider answers.
#[derive(Clone)]
pub(super) enum Mood {
    Well,
    Broken,
    /// Sends elsewhere.
    Redirects(String),
    /// Keeps sending.
    Talkative,
    /// Says nothing until it is told to.
    Slow(Arc<Notify>),
    /// Says that it is somebody else.
    Impostor,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    keys: Arc<Mutex<Vec<Value>>>,
    pems: Arc<Mutex<Vec<(String, String)>>>,
    mood: Arc<Mutex<Mood>>,
    fetched: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    pub(super) async fn start(signers: &[Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            issuer: format!("http://{}/realm", listener.local_addr().unwrap()),
            keys: Arc::default(),
            pems: Arc::default(),
            mood: Arc::new(Mutex::new(Mood::Well)),
            fetched: Arc::default(),
            asked: Arc::default(),
        };
        provider.rotate(signers);
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(discovery))
            .route("/realm/keys", get(keys))
            .route("/alb/{id}", get(pem))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// From now on it has these keys and no others.
    pub(super) fn rotate(&self, signers: &[Signer]) {
        self.publish(signers.iter().map(Signer::jwk).collect());
    }

    pub(super) fn publish(&self, keys: Vec<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    pub(super) fn publish_pem(&self, id: &str, pem: String) {
        self.pems.lock().unwrap().push((id.to_owned(), pem));
    }

    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        self.mood.lock().unwrap().clone()
    }

    /// How often its keys were asked for.
    pub(super) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }

    /// The ids of the load balancer's keys that were asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn alb_keys(&self) -> String {
        self.issuer.replace("/realm", "/alb")
    }
}

async fn discovery(State(provider): State<Provider>) -> Response<Body> {
    provider.fetched.fetch_add(1, Ordering::SeqCst);
    match provider.mood() {
        Mood::Broken => return answer(StatusCode::BAD_GATEWAY, "no".into()),
        Mood::Redirects(to) => {
            let moved = Response::builder().status(302).header("location", to);
            return moved.body(Body::empty()).unwrap();
        }
        Mood::Slow(told) => told.notified().await,
        Mood::Well | Mood::Talkative | Mood::Impostor => {}
    }
    let issuer = match provider.mood() {
        Mood::Impostor => "https://somebody.else",
        _ => &provider.issuer,
    };
    let document = json!({"issuer": issuer, "jwks_uri": format!("{}/keys", provider.issuer)});
    answer(StatusCode::OK, document.to_string())
}

async fn keys(State(provider): State<Provider>) -> Response<Body> {
    let set = json!({"keys": *provider.keys.lock().unwrap()}).to_string();
    let padding = if matches!(provider.mood(), Mood::Talkative) { 300 * 1024 } else { 0 };
    answer(StatusCode::OK, format!("{set}{}", " ".repeat(padding)))
}

async fn pem(State(provider): State<Provider>, Path(id): Path<String>) -> Response<Body> {
    provider.asked.lock().unwrap().push(id.clone());
    let found = provider.pems.lock().unwrap().iter().find(|(known, _)| *known == id).map(|(_, pem)| pem.clone());
    found.map_or_else(|| answer(StatusCode::NOT_FOUND, "no".into()), |pem| answer(StatusCode::OK, pem))
}

fn answer(status: StatusCode, text: String) -> Response<Body> {
    Response::builder().status(status).body(text.into()).unwrap()
}
