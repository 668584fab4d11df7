//! What replicas bear: C(n) = n · capacityPerReplica · targetUtilization, in requests per second.

/// The capacity of one workload as a function of its replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    per_replica: f64,
    utilization: f64,
}

impl Capacity {
    /// From what one replica bears within its objectives, and the share of that which is used.
    pub fn new(per_replica: f64, utilization: f64) -> Capacity {
        Capacity { per_replica, utilization }
    }

    /// What so many replicas bear.
    pub fn of(&self, replicas: u32) -> f64 {
        self.raw(replicas) * self.utilization
    }

    /// What they bear before utilisation.
    pub fn raw(&self, replicas: u32) -> f64 {
        f64::from(replicas) * self.per_replica
    }

    /// The share that is used.
    pub fn utilization(&self) -> f64 {
        self.utilization
    }
}
