//! `[[auth.oidc]]` and `[auth.alb]`: identity providers whose tokens are taken.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::reader::Section;
use super::shapes::{issuer, load_balancer, prefix, word};
use super::value::{flag, parsed, span};
use crate::domain::token::{AlbRules, Claim, TokenRules};

/// `[[auth.oidc]]`: an issuer and an audience. One issuer may stand there several times, for several audiences.
pub type Oidc = TokenRules;

/// `[auth.alb]`: an AWS Application Load Balancer that signs people in.
pub type Alb = AlbRules;

/// The issuers so far: each has names of its own, whatever its people are called.
#[derive(Default)]
struct Issuers(Vec<TokenRules>);

pub(super) fn read(s: &mut Section<'_>) -> (Vec<Oidc>, Option<Alb>) {
    let mut issuers = Issuers::default();
    let oidc = s.sections("oidc", |s| {
        let audience = s.required("audience", "\"entryway\"", parsed(word));
        let rules = issuers.read(s, audience);
        TokenRules { require_nbf: s.or("require_nbf", true, flag), ..rules }
    });
    // An absent section is read as an empty one, whose keys would all be missing.
    let written = s.find("alb").is_some();
    let alb = if written { Some(s.section("alb", |s| read_alb(s, &mut issuers))) } else { None };
    (oidc, alb)
}

fn read_alb(s: &mut Section<'_>, issuers: &mut Issuers) -> Alb {
    let example =
        "\"arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/entryway/50dc6c495c0c9188\"";
    let signer = s.required("signer", example, parsed(load_balancer));
    let client = s.required("client_id", "\"the client id of the load balancer's rule\"", parsed(word));
    let keys_url = s.optional("keys_url", parsed(|text| issuer(text).and_then(|text| trimmed(&text))));
    let rules = issuers.read(s, client);
    Alb {
        keys_url: keys_url.unwrap_or_else(|| keys_of(&signer)),
        signer,
        token: TokenRules { require_nbf: false, ..rules },
    }
}

fn trimmed(url: &str) -> Result<String, String> {
    Ok(url.trim_end_matches('/').to_owned())
}

/// Where AWS publishes the keys of load balancers (Elastic Load Balancing user guide, "User claims encoding and signature
/// verification").
fn keys_of(signer: &str) -> String {
    let region = signer.split(':').nth(3).unwrap_or_default();
    if region.starts_with("us-gov-") {
        return format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}");
    }
    let suffix = if signer.starts_with("arn:aws-cn:") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://public-keys.auth.elb.{region}.{suffix}")
}

impl Issuers {
    fn read(&mut self, s: &mut Section<'_>, audience: String) -> TokenRules {
        let issuer = s.required("issuer", "\"https://login.example.com\"", parsed(issuer));
        // The people of the first issuer are called what they are called. Whoever has the same name elsewhere is not them.
        let first = self.0.first().is_none_or(|first| first.issuer == issuer);
        let default_prefix = if first { String::new() } else { format!("{issuer}#") };
        let service = s.optional("service_claim", parsed(claim));
        let values: Option<Vec<_>> = s.list("service_values", parsed(word));
        if service.is_none() && values.is_some() {
            s.wrong("service_values", "says nothing without service_claim; add the claim that has these values");
        }
        let values: BTreeSet<_> = values.unwrap_or_default().into_iter().collect();
        let rules = TokenRules {
            audience,
            user: s.or("user_claim", Claim::new("sub"), parsed(claim)),
            user_prefix: s.or("user_prefix", default_prefix, parsed(prefix)),
            groups: s.or("groups_claim", Claim::new("groups"), parsed(claim)),
            groups_prefix: s.or("groups_prefix", String::new(), parsed(prefix)),
            display: s.or("display_claim", Claim::new("name"), parsed(claim)),
            service: service.map(|claim| (claim, values)),
            require_nbf: true,
            max_lifetime: s.or("max_lifetime", TimeDelta::hours(24), span(TimeDelta::minutes(1))),
            remember_groups: s.or("remember_groups", TimeDelta::days(30), span(TimeDelta::minutes(1))),
            issuer,
        };
        if rules.remember_groups < rules.max_lifetime {
            let message = "is shorter than max_lifetime; what somebody signs off with a good token would not count";
            s.wrong("remember_groups", message);
        }
        if let Some(message) = self.clash(&rules) {
            s.wrong("user_prefix", message);
        }
        self.0.push(rules.clone());
        rules
    }

    /// Why the names that `rules` give are not this issuer's alone.
    fn clash(&self, rules: &TokenRules) -> Option<String> {
        self.0.iter().find_map(|other| {
            let (mine, theirs) = (&rules.user_prefix, &other.user_prefix);
            if other.issuer == rules.issuer {
                let same = mine == theirs && other.user == rules.user;
                return (!same)
                    .then(|| "an issuer has one user_claim and one user_prefix, whatever the audience".to_owned());
            }
            let nested =
                !mine.is_empty() && !theirs.is_empty() && (mine.starts_with(theirs) || theirs.starts_with(mine));
            (mine == theirs || nested).then(|| {
                format!("lets people of this issuer be called what people of {:?} are; give each its own", other.issuer)
            })
        })
    }
}

fn claim(text: &str) -> Result<Claim, String> {
    let escaped = |step: &str| step.replace("~0", "").replace("~1", "").contains('~');
    if text.starts_with('/') && text.split('/').any(escaped) {
        return Err("is no JSON pointer; write ~ in a name as ~0 and / as ~1".to_owned());
    }
    word(text).map(Claim::new)
}
