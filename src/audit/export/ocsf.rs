//! OCSF 1.3: Authentication, Entity Management and User Access Management where they fit, the base event where no class does.

use serde_json::{Value, json};

use super::native;
use crate::domain::event::{Event, EventType as E};

/// The release of the schema.
const VERSION: &str = "1.3.0";

/// A class with one of its activities.
struct Kind {
    class: i64,
    activity: i64,
}

/// How bad it is: 1 informational, 3 medium, 4 high.
const fn severity(event: &E) -> i64 {
    match event {
        E::EntryDrifted | E::EntryConflict | E::PrincipalRecreated | E::PolicyRejected => 4,
        E::AuthFailed
        | E::RequestBreakGlass
        | E::RequestFailed
        | E::RequestRefused
        | E::RequestVerificationOverdue
        | E::PrincipalMissing
        | E::ClusterUnhealthy
        | E::DestinationGone => 3,
        _ => 1,
    }
}

const fn kind(event: &E) -> Kind {
    let (class, activity) = match event {
        // Authentication: logon.
        E::AuthFailed => (3002, 1),
        // Entity management: create, update, other.
        E::RequestSubmitted => (3004, 1),
        E::RequestReviewed
        | E::RequestDenied
        | E::RequestWithdrawn
        | E::RequestLapsed
        | E::RequestScheduled
        | E::RequestApplying
        | E::RequestVerifying
        | E::RequestActive
        | E::RequestFailed
        | E::RequestRevoking
        | E::RequestEnded
        | E::RequestBreakGlass
        | E::PolicyLoaded
        | E::EntryRepairRequested
        | E::DestinationReplayed => (3004, 3),
        E::RequestRefused | E::PolicyRejected => (3004, 99),
        // User access management: assign, revoke privileges.
        E::EntryCreated | E::EntryUpdated | E::EntryPolicyAssociated => (3005, 1),
        E::EntryDeleted | E::EntryPolicyDisassociated => (3005, 2),
        // Nothing there fits.
        E::RequestExpiring
        | E::RequestVerificationOverdue
        | E::EntryWriteFailed
        | E::EntryDrifted
        | E::EntryRepaired
        | E::EntryConflict
        | E::PrincipalMissing
        | E::PrincipalRecreated
        | E::ClusterUnhealthy
        | E::ClusterHealthy
        | E::DestinationGone
        | E::IdentityLinked
        | E::IdentityUnlinked
        | E::AuditCheckpoint
        | E::Newer(_) => (0, 99),
    };
    Kind { class, activity }
}

/// The event in the words of OCSF; what those have no place for is in `unmapped`.
#[must_use]
pub fn ocsf(event: &Event) -> Value {
    let (body, Kind { class, activity }) = (&event.body, kind(&event.body.event_type));
    let failed = matches!(
        body.event_type,
        E::AuthFailed | E::RequestRefused | E::RequestFailed | E::PolicyRejected | E::EntryWriteFailed
    );
    let mut told = json!({
        "metadata": {
            "version": VERSION,
            "product": { "name": "Entryway", "vendor_name": "Entryway", "version": env!("CARGO_PKG_VERSION") },
            "uid": event.id,
            "sequence": event.seq,
            "event_code": body.event_type.as_str(),
        },
        "time": event.at.timestamp_millis(),
        "category_uid": class / 1000,
        "class_uid": class,
        "activity_id": activity,
        "type_uid": class * 100 + activity,
        "severity_id": severity(&body.event_type),
        "status_id": if failed { 2 } else { 1 },
        "message": body.event_type.as_str(),
        "actor": { "user": { "name": body.actor }, "app_name": body.submitted_by },
        "unmapped": { "entryway": native(event) },
    });
    if activity == 99 && class != 0 {
        told["activity_name"] = json!(body.event_type.as_str());
    }
    if let Some(ip) = body.data.get("sourceIp").filter(|ip| ip.is_string()) {
        told["src_endpoint"] = json!({ "ip": ip });
    }
    if let Some(code) = body.data.get("code").filter(|code| code.is_string()) {
        told["status_code"] = code.clone();
    }
    match class {
        // Whoever it was did not say, or not credibly.
        3002 => told["user"] = json!({ "name": body.data.get("user").and_then(Value::as_str).unwrap_or("unknown") }),
        3004 => told["entity"] = entity(event),
        3005 => {
            told["user"] = json!({ "name": body.principal_arn, "uid": body.principal_arn });
            told["privileges"] = privileges(&body.data);
            told["resource"] = json!({ "type": "EKS cluster", "name": body.cluster_name });
        }
        _ => {}
    }
    told
}

fn entity(event: &Event) -> Value {
    let body = &event.body;
    match body.event_type {
        E::PolicyLoaded | E::PolicyRejected => {
            let digest = body.data.get("policyDigest");
            json!({ "type": "policy set", "name": "policies", "uid": digest })
        }
        E::EntryRepairRequested => {
            json!({ "type": "access entry", "name": body.cluster_name, "uid": body.principal_arn })
        }
        _ => json!({ "type": "access request", "name": body.principal_arn, "uid": body.request_id }),
    }
}

/// What EKS was told to give or take: access policies and Kubernetes groups.
fn privileges(data: &Value) -> Value {
    let entry = data.get("entry").unwrap_or(data);
    let texts = |value: Option<&Value>| -> Vec<String> {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut names = texts(entry.get("kubernetesGroups"));
    names.extend(data.get("policyArn").and_then(Value::as_str).map(str::to_owned));
    names
        .extend(entry.get("accessPolicies").and_then(Value::as_object).into_iter().flat_map(|all| all.keys().cloned()));
    json!(names)
}
