//! Owns the comparison of speed: all contestants on the same tables of one server, in interleaved
//! rounds. Never claims an absolute figure: ratios are what counts.

mod contestant;
mod workload;
mod diesel;
mod gino;
mod measure;
mod sea_orm;
mod sqlx;
mod tokio_postgres;

pub use contestant::Outcome;
pub use measure::run;
pub use workload::Workload;
