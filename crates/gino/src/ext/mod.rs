//! What web frameworks need, behind the features `axum` and `actix`: a connection or a transaction
//! for each request, extractors, and answers of 404.
//!
//! [`PerRequest`] is the middleware of both. With axum:
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::extract::Path;
//! use axum::routing::get;
//! use axum::Router;
//! use gino::ext::{Failure, Or404, PerRequest};
//! use gino::prelude::*;
//!
//! static DB: Gino = Gino::new();
//!
//! async fn name(Path(id): Path<i64>) -> Result<String, Failure> {
//!     let sql = "SELECT nickname FROM users WHERE id = $1";
//!     Ok(DB.scalar(sql, &[&id]).or_404().await?)
//! }
//!
//! let app = Router::new()
//!     .route("/users/{id}", get(name))
//!     .layer(PerRequest::connection(&DB));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
//! // Binds, serves, and closes the pool when the last request has ended.
//! DB.with_bind("postgresql://localhost/gino", async || {
//!     axum::serve(listener, app)
//!         .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
//!         .await?;
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! })
//! .await
//! # }
//! ```
//!
//! With actix-web the same `PerRequest` goes into `App::wrap`. Its server lets a handler run to its
//! end when the client has gone; `HttpServer::h1_allow_half_closed(false)` has it dropped, and its
//! statement cancelled.

mod failure;
mod request;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "actix")]
pub mod actix;

pub use failure::{Failure, FirstOr404, GetOr404, Or404};
pub use request::{Database, PerRequest};
