//! Headroom: a load-aware campaign scheduler for Kubernetes.
