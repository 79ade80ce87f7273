//! The checks of `web` on actix-web, and what is its own.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, get, post};
use actix_web::{App, HttpResponse, HttpServer};
use gino::Error;
use gino::ext::{Failure, FirstOr404, Or404, PerRequest};
use gino::prelude::*;

use crate::web::{self, Framework, Server, checks};

struct Actix;

impl Framework for Actix {
    async fn serve(engine: Engine, per_request: PerRequest) -> Server {
        let (started, starting) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let data = Data::new(engine);
                let app = move || {
                    App::new()
                        .app_data(data.clone())
                        .wrap(per_request.clone())
                        .route("/users", post().to(create))
                        .route("/users/{id}", get().to(name))
                        .route("/first/{id}", get().to(first))
                        .route("/quiet", get().to(quiet))
                        .route("/pids", get().to(pids))
                        .route("/spawned", get().to(spawned))
                        .route("/stream", get().to(stream))
                        .route("/fail", get().to(fail))
                        .route("/panic", get().to(panic))
                        .route("/hold", get().to(hold))
                        .route("/count", get().to(count))
                        .route("/status/{status}", get().to(status))
                        .route("/nested", get().to(nested))
                        .route("/twins", get().to(twins))
                };
                let server = HttpServer::new(app)
                    .workers(2)
                    .disable_signals()
                    .h1_allow_half_closed(false)
                    .bind("127.0.0.1:0")
                    .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                started.send((address, server.handle())).ok().unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = starting.await.unwrap();
        let stop = Box::pin(async move {
            handle.stop(true).await;
            tokio::task::spawn_blocking(|| thread.join().unwrap())
                .await
                .unwrap();
        });
        Server { address, stop }
    }
}

checks!(Actix, "actix");

type Db = Data<Engine>;

async fn create(db: Db, name: String) -> Result<HttpResponse, Failure> {
    let row = db.one(web::INSERT, &[&name]).await?;
    let id = row.try_get::<i32>(0)?.to_string();
    Ok(HttpResponse::Created().body(id))
}

async fn name(db: Db, id: Path<i32>) -> Result<String, Failure> {
    db.scalar(web::NAME, &[&*id]).or_404().await
}

async fn first(db: Db, id: Path<i32>) -> Result<String, Failure> {
    let row = db.first_or_404(web::NAME, &[&*id]).await?;
    Ok(row.try_get(0)?)
}

async fn quiet(db: Db) -> String {
    db.figures().in_use.to_string()
}

async fn pid(on: &impl Executor) -> Result<i32, Failure> {
    on.scalar(web::PID, &[]).or_404().await
}

async fn pids(db: Db, connection: Connection) -> Result<String, Failure> {
    let (own, implicit) = (pid(&connection).await?, pid(&**db).await?);
    let nested = db
        .transaction(async |_| Ok::<_, Failure>(pid(&**db).await?))
        .await?;
    Ok(format!("{own} {implicit} {nested}"))
}

async fn spawned(db: Db) -> Result<String, Failure> {
    let own = pid(&**db).await?;
    let other = actix_web::rt::spawn(async move { pid(&**db).await });
    Ok(format!("{own} {}", other.await.unwrap()?))
}

async fn stream(db: Db, connection: Connection) -> Result<HttpResponse, Failure> {
    pid(&**db).await?;
    let chunks = futures_util::stream::unfold(0, move |n| {
        let connection = connection.clone();
        async move {
            let chunk = match n {
                0 => "begun",
                _ => {
                    assert!(!connection.is_borrowed());
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    "."
                }
            };
            Some((Ok::<_, Infallible>(Bytes::from(chunk)), n + 1))
        }
    });
    Ok(HttpResponse::Ok().streaming(chunks))
}

async fn fail(db: Db) -> Result<String, Failure> {
    Ok(db.status("SELECT 1/0", &[]).await?.to_string())
}

async fn panic(db: Db) -> Result<String, Failure> {
    db.one(web::INSERT, &[&"panic"]).await?;
    let run = db.transaction(async |tx| {
        tx.one(web::INSERT, &[&"panic"]).await?;
        std::panic::panic_any("on purpose");
        #[expect(unreachable_code, reason = "the type of the block")]
        Ok::<_, Error>(String::new())
    });
    Ok(run.await?)
}

async fn hold(db: Db) -> Result<String, Failure> {
    db.one(web::INSERT, &[&"hold"]).await?;
    Ok(db.status(web::HOLD, &[]).await?.to_string())
}

async fn count(db: Db) -> Result<String, Failure> {
    let count = db.scalar::<i64>(web::COUNT, &[]).await?;
    Ok(count.unwrap_or_default().to_string())
}

async fn status(db: Db, status: Path<u16>) -> Result<HttpResponse, Failure> {
    db.one(web::INSERT, &[&"status"]).await?;
    Ok(HttpResponse::new(StatusCode::from_u16(*status).unwrap()))
}

async fn nested(db: Db, tx: Transaction) -> Result<String, Failure> {
    let inner = db.transaction(async |inner| Ok::<_, Error>(inner.is_nested()));
    Ok((inner.await? && !tx.is_nested()).to_string())
}

async fn twins(db: Db) -> Result<String, Failure> {
    let sql = "INSERT INTO users (name, twin) VALUES ('a', 'same'), ('b', 'same')";
    Ok(db.status(sql, &[]).await?.to_string())
}
