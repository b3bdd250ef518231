//! Every call is counted by what came of it, and nothing that is answered can make up a series.

use entryway::eks::Eks;
use metrics_exporter_prometheus::PrometheusBuilder;

use super::raw::{answered, refusal};
use super::{cluster, role};

#[tokio::test]
async fn calls_are_counted_by_operation_and_by_what_came_of_them() {
    let recorder = PrometheusBuilder::new().build_recorder();
    // What is called here runs on this thread, and other tests count elsewhere.
    let counting = metrics::set_default_local_recorder(&recorder);
    let answers = [(429, "ThrottlingException"), (404, "ResourceNotFoundException"), (400, "MadeUpOnTheWay4711")];
    for (status, code) in answers {
        let answer = refusal(status, code, "No cluster found for name: prod.");
        let _ = answered(vec![answer], async |eks| eks.describe_cluster(&cluster("prod")).await).await;
    }
    let _ = answered(vec![refusal(403, "AccessDeniedException", "no")], async |eks| {
        eks.delete(&cluster("prod"), &role()).await
    })
    .await;
    drop(counting);
    let text = recorder.handle().render();
    let mut counted: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("entryway_eks_calls_total")).collect();
    counted.sort_unstable();
    let expected = [
        r#"{operation="DeleteAccessEntry",class="denied",code="AccessDeniedException"} 1"#,
        r#"{operation="DescribeCluster",class="cluster_gone",code="ResourceNotFoundException"} 1"#,
        r#"{operation="DescribeCluster",class="final",code="other"} 1"#,
        r#"{operation="DescribeCluster",class="throttled",code="ThrottlingException"} 1"#,
    ];
    assert_eq!(counted, expected);
    assert!(text.contains(r#"entryway_eks_call_seconds_count{operation="DescribeCluster"} 3"#), "{text}");
}
