//! Headroom: a load-aware campaign scheduler for Kubernetes.
//!
//! A `Campaign` brings a rush of traffic. Headroom measures the room behind it, raises scale before the rush, and
//! releases the send wave by wave, only when headroom is confirmed.
pub mod api;
