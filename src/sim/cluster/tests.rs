#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone)]
struct Load(Arc<Mutex<f64>>);

impl Surroundings for Load {
    fn load(&self, _: &str, _: &str, _: Timestamp) -> Option<f64> {
        Some(*self.0.lock().unwrap())
    }
}

fn workload(server: &ApiServer) {
    for object in [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "shop"}]}},
            },
        }),
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 2, "maxReplicas": 10,
                "metrics": [{"type": "External", "external": {"metric": {"name": "demand"}, "target": {"type": "AverageValue", "averageValue": "75"}}}],
            },
        }),
    ] {
        server.create("kubectl", &object).unwrap();
    }
}

/// Asked for, there, ready.
fn scale(server: &ApiServer) -> (i32, i32, i32) {
    let deployment = server.read::<Deployment>("shop", "web").unwrap();
    let status = deployment.status.unwrap_or_default();
    assert_eq!(status.observed_generation, deployment.metadata.generation);
    let asked = deployment.spec.and_then(|spec| spec.replicas).unwrap();
    (asked, status.replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0))
}

#[tokio::test(start_paused = true)]
async fn a_floor_brings_pods_in_time_and_its_end_takes_them_at_once() {
    let _simulated = clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
    let server = ApiServer::new();
    workload(&server);
    let load = Load(Arc::new(Mutex::new(150.0)));
    let mut cluster = Cluster::new(server.clone(), load.clone(), Duration::from_secs(15));
    cluster.settle();
    assert_eq!(scale(&server), (2, 2, 2));
    let running = tokio::spawn(cluster.run());
    let after = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
    after(1).await;
    let hpa = server.place(AUTOSCALERS, "shop", "web").unwrap();
    let floor = |least: i32| server.merge("headroom", &hpa, json!({"spec": {"minReplicas": least}})).unwrap();
    floor(6);
    after(13).await;
    assert_eq!(scale(&server), (2, 2, 2), "the autoscaler looks every 15 s, and next in one");
    after(2).await;
    assert_eq!(scale(&server), (6, 6, 2));
    after(18).await;
    assert_eq!(scale(&server), (6, 6, 2), "18 of the 20 s");
    after(3).await;
    assert_eq!(scale(&server), (6, 6, 6));
    floor(2);
    after(15).await;
    assert_eq!(scale(&server), (2, 2, 2));
    *load.0.lock().unwrap() = 740.0;
    after(40).await;
    assert_eq!(scale(&server), (10, 10, 10));
    running.abort();
}
