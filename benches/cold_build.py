"""Times the first `cargo build` of a small application: on gino, on sqlx and on SeaORM.

The same program in each one's words, compiled from nothing (an empty target directory, the crates
fetched before) with two jobs. Wall time is what a user waits on a machine that does nothing else;
CPU seconds are what a busy one can tell. `python benches/cold_build.py [NAME …]`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JOBS = 2
TOKIO = 'tokio = { version = "1", features = ["macros", "rt-multi-thread"] }'

GINO = """
use gino::prelude::*;

static DB: Gino = Gino::new();

#[derive(Model, Debug)]
#[gino(db = DB, table = "users")]
struct User {
    #[gino(primary_key)]
    id: i32,
    name: String,
}

#[tokio::main]
async fn main() -> gino::Result<()> {
    DB.set_bind("postgresql://localhost/app").await?;
    let user = User::create().name("daisy").await?;
    println!("{:?}", User::get(user.id).await?);
    Ok(())
}
"""

SQLX = """
#[derive(sqlx::FromRow, Debug)]
#[allow(dead_code)]
struct User {
    id: i32,
    name: String,
}

#[tokio::main]
async fn main() -> sqlx::Result<()> {
    let pool = sqlx::PgPool::connect("postgresql://localhost/app").await?;
    let insert = "INSERT INTO users (name) VALUES ($1) RETURNING id, name";
    let user: User = sqlx::query_as(insert).bind("daisy").fetch_one(&pool).await?;
    let select = sqlx::query_as("SELECT id, name FROM users WHERE id = $1").bind(user.id);
    let user: Option<User> = select.fetch_optional(&pool).await?;
    println!("{user:?}");
    Ok(())
}
"""

SEA_ORM = """
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, Database};

mod user {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::main]
async fn main() -> Result<(), DbErr> {
    let db = Database::connect("postgresql://localhost/app").await?;
    let user = user::ActiveModel { name: Set("daisy".into()), ..Default::default() };
    let user = user.insert(&db).await?;
    println!("{:?}", user::Entity::find_by_id(user.id).one(&db).await?);
    Ok(())
}
"""


@dataclass(frozen=True)
class Application:
    name: str
    dependency: str
    program: str


APPLICATIONS = [
    Application("gino", f'gino = {{ path = "{ROOT}/crates/gino" }}', GINO),
    Application("gino-tls", f'gino = {{ path = "{ROOT}/crates/gino", features = ["tls"] }}', GINO),
    Application(
        "sqlx",
        'sqlx = { version = "0.9", features = ["postgres", "runtime-tokio", "tls-rustls"] }',
        SQLX,
    ),
    Application(
        "sea-orm",
        'sea-orm = { version = "2.0", features = ["sqlx-postgres", "runtime-tokio-rustls"] }',
        SEA_ORM,
    ),
]


def build(application: Application, keep_timings: Path | None) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds, and how many crates were compiled."""
    with tempfile.TemporaryDirectory(prefix="gino-cold-build-") as home:
        package = Path(home)
        (package / "src").mkdir()
        (package / "src/main.rs").write_text(application.program)
        (package / "Cargo.toml").write_text(
            '[package]\nname = "app"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n\n'
            f"[dependencies]\n{application.dependency}\n{TOKIO}\n"
        )
        environment = {**os.environ, "CARGO_TARGET_DIR": str(package / "target")}
        subprocess.run(["cargo", "fetch", "--quiet"], cwd=package, env=environment, check=True)
        command = ["cargo", "build", "--offline", "--jobs", str(JOBS)]
        if keep_timings:
            command.append("--timings")
        used, start = children(), time.perf_counter()
        done = subprocess.run(
            command, cwd=package, env=environment, check=True, stderr=subprocess.PIPE, text=True
        )
        wall, cpu = time.perf_counter() - start, children() - used
        if keep_timings:
            report = package / "target/cargo-timings/cargo-timing.html"
            report.rename(keep_timings / f"{application.name}.html")
        return wall, cpu, done.stderr.count(" Compiling ")


def children() -> float:
    """CPU seconds of all ended children of this process."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [application.name for application in APPLICATIONS]
    parser.add_argument("names", nargs="*", choices=[*names, []], help="only these")
    parser.add_argument("--timings", type=Path, help="keep cargo's reports in this directory")
    given = parser.parse_args()
    print(f"| {'application on':<14} | crates | wall, s | CPU, s |\n|---|---|---|---|")
    for application in APPLICATIONS:
        if application.name in (given.names or names):
            wall, cpu, crates = build(application, given.timings)
            print(
                f"| {application.name:<14} | {crates:>6} | {wall:>7.1f} | {cpu:>6.1f} |", flush=True
            )
    print(f"\nload of the machine: {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
