//! A small web service on actix-web: users, in a table of its own. Settings are the environment
//! variables DB_DSN and PORT. `axum_app` is the same service on axum.
//!
//! `DB_DSN=postgresql://localhost/postgres cargo run -p gino --example actix_app`
//!
//!     curl localhost:8000/users -H 'content-type: application/json' -d '{"nickname": "fantix"}'
//!     curl localhost:8000/users/1

use std::error::Error;
use std::io::Write;

use actix_web::web::{Json, Path, get, resource};
use actix_web::{App, HttpResponse, HttpServer, web};
use gino::ext::{Failure, GetOr404, Or404, PerRequest};
use gino::prelude::*;
use serde::{Deserialize, Serialize};

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

async fn create(new: Json<Nickname>) -> Result<HttpResponse, Failure> {
    let user = User::create().nickname(&*new.nickname).await?;
    Ok(HttpResponse::Created().json(user))
}

async fn read(id: Path<i64>) -> Result<Json<User>, Failure> {
    Ok(Json(User::get_or_404(*id).await?))
}

async fn update(id: Path<i64>, new: Json<Nickname>) -> Result<Json<User>, Failure> {
    let user = User::get_or_404(*id).await?;
    Ok(Json(user.update().nickname(&*new.nickname).apply().await?))
}

async fn delete(id: Path<i64>) -> Result<HttpResponse, Failure> {
    User::get_or_404(*id).await?.delete().await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    DB.script(
        "CREATE TABLE IF NOT EXISTS gino_example_users (
             id bigserial PRIMARY KEY,
             nickname text NOT NULL
         )",
    )
    .await?;
    let app = || {
        let user = resource("/users/{id}")
            .route(get().to(read))
            .route(web::patch().to(update))
            .route(web::delete().to(delete));
        let users = resource("/users")
            .route(get().to(users))
            .route(web::post().to(create));
        App::new()
            .wrap(PerRequest::connection(&DB))
            .route("/", get().to(version))
            .service(users)
            .service(user)
    };
    let port = std::env::var("PORT").unwrap_or_else(|_| "8000".into());
    let server = HttpServer::new(app).bind(format!("127.0.0.1:{port}"))?;
    for address in server.addrs() {
        writeln!(std::io::stdout(), "http://{address}")?;
    }
    // Ends with the last request after a signal.
    server.run().await?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let dsn = std::env::var("DB_DSN").unwrap_or_else(|_| "postgresql://localhost/postgres".into());
    actix_web::rt::System::new().block_on(DB.with_bind(dsn, serve))
}
