//! One account and region, seen with one set of credentials: the clients of the services that Entryway calls there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use aws_config::{Region, SdkConfig};
use aws_sdk_eks::client::customize::CustomizableOperation;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::sent::send;
use super::session::{Session, Sessions};
use crate::domain::cluster::Cluster;
use crate::eks::{Class, EksError};

/// See the module. The clients share the credentials and their cache.
#[derive(Debug)]
pub(super) struct Place {
    /// What clients are made from, the cluster's role assumed.
    config: SdkConfig,
    eks: aws_sdk_eks::Client,
    iam: OnceLock<aws_sdk_iam::Client>,
    /// Where a role is assumed.
    sessions: Option<Sessions>,
    /// The account that credentials without a role turned out to be of.
    account: OnceCell<String>,
    /// Whether AWS no longer takes the credentials, whatever our clock says of them.
    spent: AtomicBool,
}

/// The client for a cluster, and in whose name it calls.
#[derive(Debug)]
pub(super) struct On {
    pub(super) client: aws_sdk_eks::Client,
    pub(super) place: Arc<Place>,
    session: Option<Session>,
}

impl On {
    /// `operation` with the credentials of the session, where there is one.
    pub(super) fn named<T, E, B>(&self, operation: CustomizableOperation<T, E, B>) -> CustomizableOperation<T, E, B> {
        match &self.session {
            Some(session) => operation.config_override(session.for_eks()),
            None => operation,
        }
    }
}

impl Place {
    pub(super) fn new(config: SdkConfig, sessions: Option<Sessions>) -> Self {
        let eks = aws_sdk_eks::Client::new(&config);
        Self { config, eks, iam: OnceLock::new(), sessions, account: OnceCell::new(), spent: AtomicBool::new(false) }
    }

    /// EKS, in the name of `request`.
    pub(super) fn on(self: Arc<Self>, request: Option<Uuid>) -> On {
        let session = self.sessions.as_ref().zip(request).map(|(sessions, request)| sessions.of(request));
        On { client: self.eks.clone(), session, place: self }
    }

    /// IAM, which is one for all regions of a partition and takes signatures for one of them only. The SDK knows that for
    /// its own endpoints, not for those it is given.
    pub(super) fn iam(&self, home: &Cluster) -> &aws_sdk_iam::Client {
        self.iam.get_or_init(|| {
            let region = Region::new(iam_region(home.partition()));
            aws_sdk_iam::Client::new(&self.config.clone().into_builder().region(region).build())
        })
    }

    /// Whether the place has to be made anew, and with it the credentials.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    /// Passes `answer` on, and learns from it whether the credentials still are any good.
    pub(super) fn heed<T>(&self, answer: Result<T, EksError>) -> Result<T, EksError> {
        const SPENT: [&str; 5] = [
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidToken",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
        ];
        if answer.as_ref().is_err_and(|error| error.code.as_deref().is_some_and(|code| SPENT.contains(&code))) {
            self.spent.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Makes sure that the credentials are of the account of `home`. Roles are: configuration takes no other. What Entryway
    /// itself runs with may be of any account, and most answers do not tell of which.
    ///
    /// # Errors
    /// [`Class::Credentials`] when they are of another account; those of the call that asks.
    pub(super) async fn check_account(&self, home: &Cluster) -> Result<(), EksError> {
        if self.sessions.is_some() {
            return Ok(());
        }
        let account = self.account.get_or_try_init(|| async {
            let sts = aws_sdk_sts::Client::new(&self.config);
            let answer = send!(sts.get_caller_identity().customize())?;
            answer.account.ok_or_else(|| EksError::bad_answer("GetCallerIdentity answered no account"))
        });
        match account.await {
            Ok(account) if *account == home.account_id => Ok(()),
            // Whatever has no such call is not AWS, and has but the account that it stands in for.
            Err(error) if error.class == Class::Final => Ok(()),
            Err(error) => Err(error),
            Ok(account) => Err(EksError {
                cause: Some(format!(
                    "the credentials are of account {account}, {} is in {}",
                    home.name, home.account_id
                )),
                ..EksError::of(Class::Credentials)
            }),
        }
    }
}

/// Where a partition has its IAM (`AWS General Reference, IAM endpoints`).
fn iam_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        _ => "us-east-1",
    }
}
