//! That policy sees every fact, in the shape of the schema.

use super::*;
use crate::domain::identity::Via;
use crate::policy::draft::SCHEMA;
use crate::policy::scene::Scene;
use crate::policy::testing::{Ask, set, who};
use crate::policy::{Action, Call};

/// Everything optional is there, and everything that can be empty is not.
fn full() -> Ask {
    let mut ask = Ask::of("alice", "prod", "AmazonEKSViewPolicy", 8);
    ask.submitted_by = Some(who("portal"));
    ask.cluster.labels = [("team".to_owned(), "payments".to_owned())].into();
    ask.spec.ticket = Some("PAY-1".to_owned());
    ask.spec.content.username = Some("alice".to_owned());
    ask.spec.content.kubernetes_groups = ["viewers".to_owned()].into();
    for (policy, namespaces) in [("Edit", ["a", "b-*"]), ("Admin", ["b-*", "c"])] {
        let scope = AccessScope::Namespace { namespaces: namespaces.map(str::to_owned).into() };
        ask.spec.content.access_policies.insert(format!("arn:aws:eks::aws:cluster-access-policy/{policy}"), scope);
    }
    ask
}

#[test]
fn what_policy_sees_fits_the_schema() {
    for ask in [full(), Ask::of("alice", "dev", "AmazonEKSViewPolicy", 0)] {
        let facts = ask.facts();
        let scene = Scene::new(&facts, crate::policy::testing::now());
        let entities = Entities::clone(&scene.with(&who("bob")).expect("entities"));
        Entities::from_entities(entities, Some(&SCHEMA)).expect("entities of the schema");
    }
}

#[test]
fn every_fact_reaches_policy() {
    let source = r#"@id("all") permit (principal, action == Entryway::Action::"view", resource) when {
        principal == Entryway::User::"bob" && principal in Entryway::Group::"sre" && !principal.service &&
        resource.requester == Entryway::User::"alice" && resource.requester in Entryway::Group::"engineering" &&
        resource.submittedBy == Entryway::User::"portal" && resource.submittedBy.service &&
        resource.cluster == Entryway::Cluster::"prod" && resource.cluster in Entryway::Environment::"prod" &&
        resource.cluster.account == "111122223333" && resource.cluster.region == "eu-central-1" &&
        resource.cluster.hasTag("team") && resource.cluster.getTag("team") == "payments" &&
        resource.principalArn == "arn:aws:iam::111122223333:role/my-role" &&
        resource.principalAccount == "111122223333" && resource.principalKind == "role" &&
        resource.type == "STANDARD" && resource.customUsername && resource.clusterWide &&
        resource.kubernetesGroups == ["viewers"] && resource.accessPolicies == ["Admin", "AmazonEKSViewPolicy", "Edit"] &&
        resource.namespaces == ["a", "b-*", "c"] && !resource.permanent && !resource.breakGlass &&
        resource has duration && resource.duration == duration("8h") &&
        resource has ticket && resource.ticket == "PAY-1" &&
        context.now == datetime("2026-01-05T09:00:00Z") && context.via == "slack" &&
        context has sourceIp && context.sourceIp.isInRange(ip("10.0.0.0/8"))
    };"#;
    let source_ip = Some("::ffff:10.1.2.3".parse().expect("an address"));
    let call = Call { now: crate::policy::testing::now(), via: Via::Slack, source_ip };
    let decision = set(source).authorize(&who("bob"), Action::View, &full().facts(), &call);
    assert!(decision.allowed, "{decision:?}");
}

#[test]
fn what_is_not_there_is_absent_or_the_requester() {
    let source = r#"@id("none") permit (principal, action == Entryway::Action::"view", resource) when {
        resource.permanent && !(resource has duration) && !(resource has ticket) && !(context has sourceIp) &&
        resource.submittedBy == resource.requester && resource.namespaces.isEmpty() && resource.clusterWide
    };"#;
    let ask = Ask::of("alice", "dev", "AmazonEKSViewPolicy", 0);
    let call = crate::policy::testing::call();
    let decision = set(source).authorize(&who("bob"), Action::View, &ask.facts(), &call);
    assert!(decision.allowed, "{decision:?}");
}
