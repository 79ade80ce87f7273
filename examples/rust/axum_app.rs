//! A small web service on axum: users, in a table of its own. Settings are the environment
//! variables DB_DSN and PORT. `actix_app` is the same service on actix-web.
//!
//! `DB_DSN=postgresql://localhost/postgres cargo run -p gino --example axum_app`
//!
//!     curl localhost:8000/users -H 'content-type: application/json' -d '{"nickname": "fantix"}'
//!     curl localhost:8000/users/1

use std::error::Error;
use std::io::Write;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use gino::ext::{Failure, GetOr404, Or404, PerRequest};
use gino::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

static DB: Gino = Gino::new();

#[derive(Model, Serialize)]
#[gino(db = DB, table = "gino_example_users")]
struct User {
    #[gino(primary_key)]
    id: i64,
    nickname: String,
}

#[derive(Deserialize)]
struct Nickname {
    nickname: String,
}

async fn version(connection: Connection) -> Result<String, Failure> {
    connection.scalar("SHOW server_version", &[]).or_404().await
}

async fn users() -> Result<Json<Vec<User>>, Failure> {
    Ok(Json(User::query().order_by(User::ID).all().await?))
}

async fn create(Json(new): Json<Nickname>) -> Result<(StatusCode, Json<User>), Failure> {
    let user = User::create().nickname(new.nickname).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

async fn read(Path(id): Path<i64>) -> Result<Json<User>, Failure> {
    Ok(Json(User::get_or_404(id).await?))
}

async fn update(Path(id): Path<i64>, Json(new): Json<Nickname>) -> Result<Json<User>, Failure> {
    let user = User::get_or_404(id).await?;
    Ok(Json(user.update().nickname(new.nickname).apply().await?))
}

async fn delete(Path(id): Path<i64>) -> Result<StatusCode, Failure> {
    User::get_or_404(id).await?.delete().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn serve() -> Result<(), Box<dyn Error>> {
    DB.script(
        "CREATE TABLE IF NOT EXISTS gino_example_users (
             id bigserial PRIMARY KEY,
             nickname text NOT NULL
         )",
    )
    .await?;
    let app = Router::new()
        .route("/", get(version))
        .route("/users", get(users).post(create))
        .route("/users/{id}", get(read).patch(update).delete(delete))
        .layer(PerRequest::connection(&DB));
    let port = std::env::var("PORT").unwrap_or_else(|_| "8000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ended = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(ended)
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dsn = std::env::var("DB_DSN").unwrap_or_else(|_| "postgresql://localhost/postgres".into());
    // The pool is closed when the last request has ended.
    DB.with_bind(dsn, serve).await
}
