use serde_json::json;

use super::bed::{Bed, ROLE, entry_of, policies_of, policy};

#[tokio::test]
async fn smoke() {
    let bed = Bed::new().await;
    let entry = bed.create_plain("dev", ROLE).await;
    assert_eq!(bed.describe("dev", ROLE).await.good()["accessEntry"], entry);
    bed.associate("dev", ROLE, &policy("AmazonEKSViewPolicy"), json!({"type": "cluster"})).await.good();
    let listed = bed.get(&policies_of("dev", ROLE)).await.good();
    assert_eq!(listed["associatedAccessPolicies"].as_array().unwrap().len(), 1);
    bed.post(&entry_of("dev", ROLE), json!({"kubernetesGroups": ["a"]})).await.good();
    bed.delete(&entry_of("dev", ROLE)).await.good();
    println!("{}", serde_json::to_string_pretty(&bed.get("/_sim/calls").await.good()).unwrap());
    bed.sim.shutdown().await.unwrap();
}
