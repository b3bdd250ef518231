//! An independent witness. It knows nothing of how Entryway decides: it reads what the database says was approved, and until
//! when it was live, reads the simulator's log of what was done, and names everything in the second that the first does not
//! account for. `Facts` and the quorum of the starter policies are spelled out here once more, on purpose.

mod book;
mod facts;
mod log;

pub(crate) use book::{Grant, Place, read};
pub(crate) use facts::{Fact, Facts};
pub(crate) use log::{Log, Terms};

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What entries of `cluster` truly hold, as the simulator tells it behind the scenes.
pub(crate) async fn truths(endpoint: &str, cluster: &str) -> BTreeMap<Place, Facts> {
    let url = format!("{endpoint}/_sim/entries?cluster={cluster}");
    let all: Value = crate::harness::http().get(url).send().await.unwrap().json().await.unwrap();
    let entries = all["entries"].as_array().unwrap_or_else(|| panic!("{all}")).iter();
    entries
        .map(|entry| {
            let place = (cluster.to_owned(), entry["principalArn"].as_str().unwrap().to_owned());
            (place, Facts::of_entry(entry))
        })
        .collect()
}

/// What is there and should not be, or should be and is not, with nothing under way any more. `others` are entries of
/// somebody else's, as they were found.
pub(crate) fn left_behind(
    truths: &BTreeMap<Place, Facts>,
    grants: &[Grant],
    others: &BTreeMap<Place, Facts>,
    now: DateTime<Utc>,
) -> Vec<String> {
    let places: BTreeSet<_> =
        truths.keys().chain(others.keys()).chain(grants.iter().map(|grant| &grant.place)).collect();
    let mut wrong = vec![];
    for place in places {
        let live = || grants.iter().filter(|grant| grant.place == *place && grant.is_live(now));
        let mut expected = others.get(place).cloned();
        for grant in live() {
            expected.get_or_insert_default().add(&grant.facts);
        }
        let (found, expected) = (truths.get(place).map(Facts::plain), expected.map(|facts| facts.plain()));
        if found != expected {
            wrong.push(format!("{place:?} holds {found:?} and should hold {expected:?}"));
        }
    }
    wrong
}
