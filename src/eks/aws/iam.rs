//! IAM through the AWS SDK.

use std::sync::Arc;

use aws_sdk_iam::primitives::DateTime as AwsTime;
use chrono::DateTime;

use super::clients::Clients;
use super::sent::send;
use crate::domain::arn::{PrincipalArn, PrincipalKind};
use crate::domain::cluster::Cluster;
use crate::domain::principal::KnownPrincipal;
use crate::eks::EksError;
use crate::eks::iam::Iam;

/// IAM as AWS runs it, or whatever speaks its protocol at the endpoint given.
#[derive(Debug)]
pub struct AwsIam {
    clients: Arc<Clients>,
}

impl AwsIam {
    pub(super) const fn new(clients: Arc<Clients>) -> Self {
        Self { clients }
    }
}

/// What both of IAM's answers have: ARN, unique id, and when it was made.
type Told = (String, String, AwsTime);

impl Iam for AwsIam {
    async fn look_up(&self, home: &Cluster, principal: &PrincipalArn) -> Result<Option<KnownPrincipal>, EksError> {
        if home.account_id != principal.account() {
            return Err(EksError::bad_answer(format!(
                "{} would be looked for in account {}",
                principal, home.account_id
            )));
        }
        let place = self.clients.of(home).await;
        let (iam, name) = (place.iam(home), principal.name());
        let told = match principal.kind() {
            PrincipalKind::Role => send!(iam.get_role().role_name(name).customize())
                .map(|answer| answer.role.map(|role| (role.arn, role.role_id, role.create_date))),
            PrincipalKind::User => send!(iam.get_user().user_name(name).customize())
                .map(|answer| answer.user.map(|user| (user.arn, user.user_id, user.create_date))),
        };
        match place.heed(told) {
            Ok(told) => known(told, principal).map(Some),
            Err(error) if error.code.as_deref() == Some("NoSuchEntity") => {
                // That says nothing about which account it is that has nobody of this name.
                place.check_account(home).await.map(|()| None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What IAM told, checked to be about who was asked about. The path may be another one: IAM was not asked about that.
fn known(told: Option<Told>, asked: &PrincipalArn) -> Result<KnownPrincipal, EksError> {
    let (arn, unique_id, created_at) = told.ok_or_else(|| EksError::bad_answer("IAM answered nobody"))?;
    let known =
        arn.parse::<PrincipalArn>().ok().zip(DateTime::from_timestamp(created_at.secs(), created_at.subsec_nanos()));
    match known {
        Some((arn, created_at))
            if arn.account() == asked.account()
                && arn.kind() == asked.kind()
                && arn.name().eq_ignore_ascii_case(asked.name())
                && !unique_id.is_empty() =>
        {
            Ok(KnownPrincipal { arn, unique_id, created_at })
        }
        _ => Err(EksError::bad_answer(format!("asked about {asked}, answered about {arn}"))),
    }
}
