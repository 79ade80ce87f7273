//! The checks of `web` on axum, and what is its own.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gino::Error;
use gino::ext::{Failure, FirstOr404, Or404, PerRequest};
use gino::prelude::*;
use tokio::sync::oneshot;

use crate::web::{self, Framework, Server, checks};

struct Axum;

impl Framework for Axum {
    async fn serve(engine: Engine, per_request: PerRequest) -> Server {
        serve(app(engine).layer(per_request)).await
    }
}

checks!(Axum, "axum");

async fn serve(app: Router) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let serving = axum::serve(listener, app);
        let stopped = async { drop(stopped.await) };
        serving.with_graceful_shutdown(stopped).await.unwrap();
    });
    let stop = Box::pin(async move {
        drop(stop);
        serving.await.unwrap();
    });
    Server { address, stop }
}

type Db = State<Engine>;

fn app(engine: Engine) -> Router {
    Router::new()
        .route("/users", post(create))
        .route("/users/{id}", get(name))
        .route("/first/{id}", get(first))
        .route("/quiet", get(quiet))
        .route("/pids", get(pids))
        .route("/spawned", get(spawned))
        .route("/stream", get(stream))
        .route("/fail", get(fail))
        .route("/panic", get(panic))
        .route("/hold", get(hold))
        .route("/count", get(count))
        .route("/status/{status}", get(status))
        .route("/nested", get(nested))
        .route("/twins", get(twins))
        .with_state(engine)
}

async fn create(db: Db, name: String) -> Result<(StatusCode, String), Failure> {
    let row = db.one(web::INSERT, &[&name]).await?;
    Ok((StatusCode::CREATED, row.try_get::<i32>(0)?.to_string()))
}

async fn name(db: Db, Path(id): Path<i32>) -> Result<String, Failure> {
    db.scalar(web::NAME, &[&id]).or_404().await
}

async fn first(db: Db, Path(id): Path<i32>) -> Result<String, Failure> {
    let row = db.first_or_404(web::NAME, &[&id]).await?;
    Ok(row.try_get(0)?)
}

async fn quiet(db: Db) -> String {
    db.figures().in_use.to_string()
}

async fn pid(on: &impl Executor) -> Result<i32, Failure> {
    on.scalar(web::PID, &[]).or_404().await
}

async fn pids(db: Db, connection: Connection) -> Result<String, Failure> {
    let (own, implicit) = (pid(&connection).await?, pid(&*db).await?);
    let nested = db
        .transaction(async |_| Ok::<_, Failure>(pid(&*db).await?))
        .await?;
    Ok(format!("{own} {implicit} {nested}"))
}

async fn spawned(db: Db) -> Result<String, Failure> {
    let own = pid(&*db).await?;
    let other = tokio::spawn(async move { pid(&*db).await });
    Ok(format!("{own} {}", other.await.unwrap()?))
}

async fn stream(db: Db, connection: Connection) -> Result<Response, Failure> {
    pid(&*db).await?;
    let chunks = futures_util::stream::unfold(0, move |n| {
        let connection = connection.clone();
        async move {
            let chunk = match n {
                0 => "begun",
                _ => {
                    assert!(!connection.is_borrowed());
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    "."
                }
            };
            Some((Ok::<_, Infallible>(Bytes::from(chunk)), n + 1))
        }
    });
    Ok(Body::from_stream(chunks).into_response())
}

async fn fail(db: Db) -> Result<(), Failure> {
    db.status("SELECT 1/0", &[]).await?;
    Ok(())
}

async fn panic(db: Db) -> Result<(), Failure> {
    db.one(web::INSERT, &[&"panic"]).await?;
    let run = db.transaction(async |tx| {
        tx.one(web::INSERT, &[&"panic"]).await?;
        std::panic::panic_any("on purpose");
        #[expect(unreachable_code, reason = "the type of the block")]
        Ok::<_, Error>(())
    });
    Ok(run.await?)
}

async fn hold(db: Db) -> Result<(), Failure> {
    db.one(web::INSERT, &[&"hold"]).await?;
    db.status(web::HOLD, &[]).await?;
    Ok(())
}

async fn count(db: Db) -> Result<String, Failure> {
    let count = db.scalar::<i64>(web::COUNT, &[]).await?;
    Ok(count.unwrap_or_default().to_string())
}

async fn status(db: Db, Path(status): Path<u16>) -> Result<StatusCode, Failure> {
    db.one(web::INSERT, &[&"status"]).await?;
    Ok(StatusCode::from_u16(status).unwrap())
}

async fn nested(db: Db, tx: Transaction) -> Result<String, Failure> {
    let inner = db.transaction(async |inner| Ok::<_, Error>(inner.is_nested()));
    Ok((inner.await? && !tx.is_nested()).to_string())
}

async fn twins(db: Db) -> Result<(), Failure> {
    let sql = "INSERT INTO users (name, twin) VALUES ('a', 'same'), ('b', 'same')";
    db.status(sql, &[]).await?;
    Ok(())
}
