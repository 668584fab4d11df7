//! The real operator in worlds that exist in memory, in virtual time: a seed decides what goes wrong, everything that
//! happens can be told again byte for byte, and checkers that see only the truth hold it against what is promised.

mod check;
mod cuts;
mod dice;
mod history;
mod kept;
mod mix;
mod mutants;
mod owners;
mod replay;
mod run;
mod seeds;
mod sensors;
mod stories;
mod told;
mod trouble;
mod under_way;
