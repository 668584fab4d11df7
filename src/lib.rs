//! Headroom: a load-aware campaign scheduler for Kubernetes.
//!
//! A `Campaign` brings a rush of traffic. Headroom measures the room behind it, raises scale before the rush, and
//! releases the send wave by wave, only when headroom is confirmed.
//!
//! `api` holds the objects, without logic. `plan` decides, and is pure. `cluster`, `prometheus` and `senders` touch the
//! world, each its own part of it, and know nothing of one another. `controller` is where they meet: observe, plan,
//! act, one pool at a time. `election` says which replica of an install acts. `lint` judges files with the same parsers, and
//! touches nothing. `sim` is a world for the operator
//! to live in, and nothing of the operator knows of it. `web` and `cli` stand at the edge; `chance`, `clock`, `metrics`,
//! `strict_json`, `telemetry` and `yaml` are leaves.

pub mod api;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod controller;
pub mod election;
pub mod lint;
pub mod metrics;
pub mod plan;
pub mod prometheus;
pub mod senders;
pub mod sim;
mod strict_json;
pub mod telemetry;
pub mod web;
pub mod yaml;
