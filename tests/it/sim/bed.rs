//! A simulator of one's own per test, and short words for calling it over plain HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use entryway::sandbox::sim::{Sim, World};
use reqwest::{Method, Url};
use serde_json::{Value, json};

/// A role that most cases are about.
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/my-role";
/// The access key of nobody in particular: it acts for the default account.
pub(crate) const KEY: &str = "AKIDEXAMPLE";

pub(crate) struct Bed {
    pub(crate) sim: Sim,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// A good answer's body.
    #[track_caller]
    pub(crate) fn good(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.body
    }

    /// Asserts status and code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        let found = self.headers.get("x-amzn-errortype").map(|value| value.to_str().unwrap());
        assert_eq!((self.status, found), (status, Some(code)), "{}", self.text);
        assert!(self.body["message"].is_string(), "{}", self.text);
        assert_eq!(self.headers["x-amzn-requestid"].len(), 36);
    }

    /// Asserts status, code and EKS's exact words.
    #[track_caller]
    pub(crate) fn refused_with(&self, status: u16, code: &str, message: &str) {
        self.refused(status, code);
        assert_eq!(self.body["message"], message);
    }

    /// Asserts an `InvalidParameterException` with EKS's exact words.
    #[track_caller]
    pub(crate) fn bad_parameter(&self, message: &str) {
        self.refused_with(400, "InvalidParameterException", message);
    }
}

/// Percent-encodes one path segment the way the SDKs do.
pub(crate) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(crate) fn entries_of(cluster: &str) -> String {
    format!("/clusters/{cluster}/access-entries")
}

pub(crate) fn entry_of(cluster: &str, principal: &str) -> String {
    format!("/clusters/{cluster}/access-entries/{}", segment(principal))
}

pub(crate) fn policies_of(cluster: &str, principal: &str) -> String {
    format!("{}/access-policies", entry_of(cluster, principal))
}

/// The ARN of an access policy of the `aws` partition.
pub(crate) fn policy(name: &str) -> String {
    format!("arn:aws:eks::aws:cluster-access-policy/{name}")
}

impl Bed {
    /// The sandbox's world.
    pub(crate) async fn new() -> Self {
        Self::of(World::default()).await
    }

    pub(crate) async fn of(world: World) -> Self {
        let sim = Sim::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), world).await.unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
        Self { sim, http }
    }

    /// A call as some key in some region.
    pub(crate) async fn call_as(&self, key: &str, region: &str, method: Method, path: &str, body: Value) -> Answer {
        self.try_call(key, region, method, path, body).await.unwrap()
    }

    /// The same, where the connection may break. Without a key the call is not signed.
    pub(crate) async fn try_call(
        &self,
        key: &str,
        region: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> reqwest::Result<Answer> {
        let url = Url::parse(&format!("{}{path}", self.sim.endpoint_url())).unwrap();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/eks/aws4_request, SignedHeaders=host, Signature=0"
        );
        let mut request = self.http.request(method, url);
        if !key.is_empty() {
            request = request.header("authorization", authorization);
        }
        if key.starts_with("ASIA") {
            request = request.header("x-amz-security-token", "token");
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        read(request.send().await?).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.call_as(KEY, "eu-central-1", method, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, Value::Null).await
    }

    /// `CreateAccessEntry`.
    pub(crate) async fn create(&self, cluster: &str, body: Value) -> Answer {
        self.post(&entries_of(cluster), body).await
    }

    /// `CreateAccessEntry` with nothing but a principal; must succeed.
    #[track_caller]
    pub(crate) fn create_plain(&self, cluster: &str, principal: &str) -> impl Future<Output = Value> {
        let body = json!({ "principalArn": principal });
        async move { self.create(cluster, body).await.good()["accessEntry"].clone() }
    }

    /// `DescribeAccessEntry`.
    pub(crate) async fn describe(&self, cluster: &str, principal: &str) -> Answer {
        self.get(&entry_of(cluster, principal)).await
    }

    /// `AssociateAccessPolicy`.
    pub(crate) async fn associate(&self, cluster: &str, principal: &str, policy_arn: &str, scope: Value) -> Answer {
        let body = json!({ "policyArn": policy_arn, "accessScope": scope });
        self.post(&policies_of(cluster, principal), body).await
    }

    /// Turns knobs.
    pub(crate) async fn knobs(&self, change: Value) {
        self.put("/_sim/config", change).await.good();
    }

    /// Stops the simulator's clock: from here on only [`Bed::advance`] moves it.
    pub(crate) async fn freeze(&self) {
        self.post("/_sim/clock", json!({"frozen": true})).await.good();
    }

    /// Moves the simulator's clock, in milliseconds.
    pub(crate) async fn advance(&self, ms: i64) {
        self.post("/_sim/clock", json!({ "advanceMs": ms })).await.good();
    }

    /// A call of STS or IAM.
    pub(crate) async fn form(&self, body: &str) -> Answer {
        let request =
            self.http.post(self.sim.endpoint_url()).header("content-type", "application/x-www-form-urlencoded");
        read(request.body(body.to_owned()).send().await.unwrap()).await.unwrap()
    }
}

async fn read(response: reqwest::Response) -> reqwest::Result<Answer> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, body })
}
