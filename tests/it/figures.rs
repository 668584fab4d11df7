//! Figures: what the operator writes for a wave and while nothing is due, and what it takes.

mod writes;
