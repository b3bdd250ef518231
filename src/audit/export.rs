//! The formats that events leave in, one JSON object each: Entryway's own, CloudEvents, and OCSF.

mod ocsf;

use chrono::SecondsFormat;
use serde_json::{Value, json};

pub use ocsf::ocsf;

use crate::domain::event::Event;

/// The event as the API answers it; the only one of the formats that can be verified.
#[must_use]
pub fn native(event: &Event) -> Value {
    let body = &event.body;
    json!({
        "seq": event.seq,
        "id": event.id,
        "type": body.event_type.as_str(),
        "at": time(event),
        "actor": body.actor,
        "submittedBy": body.submitted_by,
        "via": body.via.as_str(),
        "requestId": body.request_id,
        "clusterName": body.cluster_name,
        "principalArn": body.principal_arn,
        "data": body.data,
        "prevHash": event.prev_hash,
        "hash": event.hash,
    })
}

/// A CloudEvent (1.0, JSON format) of the installation called `installation`, with the native event as its data.
#[must_use]
pub fn cloud_event(event: &Event, installation: &str) -> Value {
    let body = &event.body;
    let subject = match (&body.request_id, &body.cluster_name, &body.principal_arn) {
        (Some(id), ..) => Some(format!("requests/{id}")),
        (None, Some(cluster), Some(principal)) => Some(format!("clusters/{cluster}/entries/{principal}")),
        (None, Some(cluster), None) => Some(format!("clusters/{cluster}")),
        (None, None, _) => None,
    };
    let mut told = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": format!("urn:entryway:{}", urn(installation)),
        "type": format!("entryway.{}", body.event_type.as_str()),
        "time": time(event),
        "datacontenttype": "application/json",
        "sequence": format!("{:020}", event.seq),
        "data": native(event),
    });
    if let Some(subject) = subject {
        told["subject"] = json!(subject);
    }
    told
}

fn time(event: &Event) -> String {
    event.at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// `text` as a part of a URI.
fn urn(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::event::{EventType, NewEvent};
    use crate::domain::identity::Via;

    fn event(event_type: EventType, data: Value) -> Event {
        let body = NewEvent { actor: "alice".to_owned(), via: Via::Api, ..NewEvent::by_entryway(event_type, data) };
        let body = body.on_entry("prod", "arn:aws:iam::111122223333:role/x");
        Event { seq: 7, id: Uuid::nil(), at: DateTime::UNIX_EPOCH, body, prev_hash: None, hash: "sha256:00".to_owned() }
    }

    #[test]
    fn a_cloud_event_has_what_the_specification_wants() {
        let told = cloud_event(&event(EventType::EntryCreated, json!({})), "acme platform");
        for (field, value) in [
            ("specversion", "1.0"),
            ("source", "urn:entryway:acme%20platform"),
            ("type", "entryway.entry.created"),
            ("subject", "clusters/prod/entries/arn:aws:iam::111122223333:role/x"),
            ("time", "1970-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(told[field], value);
        }
        assert_eq!(told["data"]["seq"], 7);
    }

    #[test]
    fn every_type_has_what_ocsf_wants_of_its_class() {
        let newer = EventType::read("request.blessed").expect("spelled like a type");
        for kind in EventType::ALL.iter().chain([&newer]) {
            let data = json!({ "sourceIp": "192.0.2.1", "decision": "approve", "kubernetesGroups": ["viewers"] });
            let told = ocsf(&event(kind.clone(), data));
            let number = |field: &str| told[field].as_i64().unwrap_or_else(|| panic!("{kind:?} lacks {field}"));
            assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"), "{kind:?}");
            assert_eq!(number("class_uid") / 1000, number("category_uid"), "{kind:?}");
            assert!((1..=6).contains(&number("severity_id")) && number("time") == 0, "{kind:?}");
            assert_eq!(told["metadata"]["uid"], Uuid::nil().to_string());
            assert_eq!(told["metadata"]["event_code"], kind.as_str());
            assert_eq!(told["unmapped"]["entryway"]["hash"], "sha256:00", "{kind:?}: nothing is lost");
            let wanted: &[&str] = match number("class_uid") {
                3002 => &["user"],
                3004 => &["entity"],
                3005 => &["user", "privileges"],
                _ => &[],
            };
            assert!(wanted.iter().all(|field| !told[field].is_null()), "{kind:?}: {told}");
        }
    }
}
