//! EKS through the AWS SDK. Together with the files below it, the only place that knows the SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_eks::operation::RequestId;

use super::{ClusterGate, Created, Eks, EksError, ListedPolicy, Reading, Written, behalf};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::entry::{AccessScope, EntryContent, EntryType, ObservedEntry};
use crate::domain::inventory::EntryPage;

mod clients;
mod convert;
mod failure;
mod iam;
mod pages;
mod place;
mod probe;
mod sent;
mod session;

use clients::Clients;
pub use clients::{AwsOptions, StaticCredentials};
pub use iam::AwsIam;
use pages::Pages;
use place::On;
use sent::send;

/// EKS as AWS runs it, or whatever speaks its protocol at the endpoint given.
#[derive(Debug)]
pub struct AwsEks {
    clients: Arc<Clients>,
}

impl AwsEks {
    /// Calls nobody yet: clients and credentials are made when a cluster first needs them.
    #[must_use]
    pub fn new(options: AwsOptions) -> Self {
        Self { clients: Arc::new(Clients::new(options)) }
    }

    /// IAM, reached with the same credentials.
    #[must_use]
    pub fn iam(&self) -> AwsIam {
        AwsIam::new(self.clients.clone())
    }

    /// The client for `cluster`, in the name of whatever request calls are being made for.
    async fn on(&self, cluster: &Cluster) -> On {
        self.clients.of(cluster).await.on(behalf::request())
    }
}

/// One call on what [`AwsEks::on`] gave.
macro_rules! call {
    ($on:ident, $operation:expr) => {
        $on.place.heed(send!($on.named($operation.customize())))
    };
}

fn written(answer: &impl RequestId) -> Written {
    Written { aws_request_id: answer.request_id().map(str::to_owned), already: false }
}

/// Taking away what is not there is no failure.
fn removed(answer: Result<Written, EksError>) -> Result<Written, EksError> {
    match answer {
        Err(error) if error.is_not_found() => Ok(Written { aws_request_id: error.aws_request_id, already: true }),
        answer => answer,
    }
}

impl AwsEks {
    /// EKS says that something does not exist, in words that may as well be about something else. Absence is a proof, so
    /// the list of all entries has to confirm it.
    async fn absent(&self, cluster: &Cluster, principal: &PrincipalArn) -> Result<Option<ObservedEntry>, EksError> {
        if self.list_entries(cluster).await?.contains(&principal.to_string()) {
            return Err(EksError::bad_answer("DescribeAccessEntry finds nothing, and the list of entries has it"));
        }
        Ok(None)
    }
}

impl Eks for AwsEks {
    async fn glance(&self, cluster: &Cluster, principal: &PrincipalArn) -> Result<Option<ObservedEntry>, EksError> {
        let on = self.on(cluster).await;
        let describe =
            on.client.describe_access_entry().cluster_name(&cluster.eks_name).principal_arn(principal.to_string());
        match call!(on, describe) {
            Ok(answer) => {
                let none = || EksError::bad_answer("DescribeAccessEntry answered no entry");
                convert::entry(answer.access_entry.ok_or_else(none)?, cluster, principal).map(Some)
            }
            Err(error) if error.says_no_entry() => Ok(None),
            Err(error) if error.is_not_found() => self.absent(cluster, principal).await,
            Err(error) => Err(error),
        }
    }

    async fn policies(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> Result<Option<BTreeMap<String, AccessScope>>, EksError> {
        let on = self.on(cluster).await;
        let list = on
            .client
            .list_associated_access_policies()
            .cluster_name(&cluster.eks_name)
            .principal_arn(principal.to_string());
        let mut pages = Pages::new("ListAssociatedAccessPolicies");
        let mut policies = BTreeMap::new();
        loop {
            let answer = match call!(on, list.clone().set_next_token(pages.token())) {
                Ok(answer) => answer,
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
            };
            convert::check_principal(answer.principal_arn(), principal)?;
            for policy in answer.associated_access_policies() {
                let (arn, scope) = convert::policy(policy)?;
                policies.insert(arn, scope);
            }
            if !pages.go_on(answer.next_token)? {
                return Ok(Some(policies));
            }
        }
    }

    async fn create(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        content: &EntryContent,
        tags: &BTreeMap<String, String>,
        token: &str,
    ) -> Result<Created, EksError> {
        let told = content.entry_type == EntryType::Standard;
        let groups = content.kubernetes_groups.iter().cloned().collect();
        let on = self.on(cluster).await;
        let create = on
            .client
            .create_access_entry()
            .cluster_name(&cluster.eks_name)
            .principal_arn(principal.to_string())
            .r#type(content.entry_type.as_str())
            .set_username(content.username.clone().filter(|_| told))
            .set_kubernetes_groups(told.then_some(groups))
            .set_tags(Some(tags.clone().into_iter().collect()))
            .client_request_token(token);
        let answer = call!(on, create)?;
        let write = written(&answer);
        let entry = answer.access_entry.ok_or_else(|| EksError::bad_answer("CreateAccessEntry answered no entry"))?;
        let observed = convert::entry(entry, cluster, principal)?;
        Ok(Created { access_entry_arn: observed.access_entry_arn, write })
    }

    async fn update(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        username: &str,
        groups: &BTreeSet<String>,
        token: &str,
    ) -> Result<Written, EksError> {
        let on = self.on(cluster).await;
        let update = on
            .client
            .update_access_entry()
            .cluster_name(&cluster.eks_name)
            .principal_arn(principal.to_string())
            .username(username)
            .set_kubernetes_groups(Some(groups.iter().cloned().collect()))
            .client_request_token(token);
        let answer = call!(on, update)?;
        convert::check_principal(answer.access_entry().and_then(|entry| entry.principal_arn()), principal)?;
        Ok(written(&answer))
    }

    async fn delete(&self, cluster: &Cluster, principal: &PrincipalArn) -> Result<Written, EksError> {
        let on = self.on(cluster).await;
        let delete =
            on.client.delete_access_entry().cluster_name(&cluster.eks_name).principal_arn(principal.to_string());
        removed(call!(on, delete).map(|answer| written(&answer)))
    }

    async fn associate(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        policy_arn: &str,
        scope: &AccessScope,
    ) -> Result<Written, EksError> {
        let on = self.on(cluster).await;
        let associate = on
            .client
            .associate_access_policy()
            .cluster_name(&cluster.eks_name)
            .principal_arn(principal.to_string())
            .policy_arn(policy_arn)
            .access_scope(convert::scope_to_aws(scope));
        let answer = call!(on, associate)?;
        convert::check_principal(answer.principal_arn(), principal)?;
        Ok(written(&answer))
    }

    async fn disassociate(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        policy_arn: &str,
    ) -> Result<Written, EksError> {
        let on = self.on(cluster).await;
        let disassociate = on
            .client
            .disassociate_access_policy()
            .cluster_name(&cluster.eks_name)
            .principal_arn(principal.to_string())
            .policy_arn(policy_arn);
        removed(call!(on, disassociate).map(|answer| written(&answer)))
    }

    async fn tag(
        &self,
        cluster: &Cluster,
        access_entry_arn: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<Written, EksError> {
        let on = self.on(cluster).await;
        let tags = tags.clone().into_iter().collect();
        let tag = on.client.tag_resource().resource_arn(access_entry_arn).set_tags(Some(tags));
        Ok(written(&call!(on, tag)?))
    }

    async fn describe_cluster(&self, cluster: &Cluster) -> Result<ClusterGate, EksError> {
        let on = self.on(cluster).await;
        let answer = call!(on, on.client.describe_cluster().name(&cluster.eks_name))?;
        convert::gate(answer.cluster, cluster)
    }

    async fn check_account(&self, cluster: &Cluster) -> Result<(), EksError> {
        self.clients.of(cluster).await.check_account(cluster).await
    }

    async fn probe(&self, cluster: &Cluster, what: &Reading) -> Result<(), EksError> {
        probe::probe(&self.on(cluster).await, &self.iam(), cluster, what).await
    }

    async fn list_access_policies(&self, cluster: &Cluster) -> Result<Vec<ListedPolicy>, EksError> {
        let on = self.on(cluster).await;
        let mut pages = Pages::new("ListAccessPolicies");
        let mut policies = Vec::new();
        loop {
            let answer = call!(on, on.client.list_access_policies().set_next_token(pages.token()))?;
            for policy in answer.access_policies() {
                policies.push(convert::listed(policy)?);
            }
            if !pages.go_on(answer.next_token)? {
                return Ok(policies);
            }
        }
    }

    async fn list_entries(&self, cluster: &Cluster) -> Result<Vec<String>, EksError> {
        let on = self.on(cluster).await;
        let mut pages = Pages::new("ListAccessEntries");
        let mut principals = Vec::new();
        loop {
            let list = on.client.list_access_entries().cluster_name(&cluster.eks_name).set_next_token(pages.token());
            let answer = call!(on, list)?;
            principals.extend(answer.access_entries.unwrap_or_default());
            if !pages.go_on(answer.next_token)? {
                return Ok(principals);
            }
        }
    }

    async fn list_page(
        &self,
        cluster: &Cluster,
        policy_arn: Option<&str>,
        token: Option<&str>,
        most: u8,
    ) -> Result<EntryPage, EksError> {
        let on = self.on(cluster).await;
        let list = on
            .client
            .list_access_entries()
            .cluster_name(&cluster.eks_name)
            .set_associated_policy_arn(policy_arn.map(str::to_owned))
            .set_next_token(token.map(str::to_owned))
            .max_results(most.clamp(1, 100).into());
        let answer = call!(on, list)?;
        let next = answer.next_token.filter(|next| !next.is_empty());
        Ok(EntryPage { principals: answer.access_entries.unwrap_or_default(), next })
    }
}
