//! Owns the pieces of work, and how many of them are timed at once. Generic: what a contestant's
//! futures are stays known to the compiler, as it is in an application.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use tokio::task::JoinSet;

use super::contestant::{Contestant, Outcome, User};

pub const ROWS: i32 = 10_000;
pub const LEAGUES: i32 = 1_000;
const TASKS: usize = 32;

/// Seconds for one piece of work: by the clock, and of this process's processor time, which is what
/// the client costs and does not know of other programs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub wall: f64,
    pub cpu: f64,
}

struct Start {
    wall: Instant,
    cpu: f64,
}

impl Start {
    fn now() -> Start {
        let (wall, cpu) = (Instant::now(), cpu());
        Start { wall, cpu }
    }

    fn spent(&self, count: usize) -> Spent {
        Spent {
            wall: self.wall.elapsed().as_secs_f64() / count as f64,
            cpu: (cpu() - self.cpu) / count as f64,
        }
    }
}

/// Seconds of processor time of all threads.
fn cpu() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    Get,
    GetInTasks,
    LoadUsers,
    LoadTeams,
    LoadLeagues,
    Filtered,
    Create,
    Update,
}

impl Workload {
    pub const ALL: [Workload; 8] = [
        Workload::Get,
        Workload::GetInTasks,
        Workload::LoadUsers,
        Workload::LoadTeams,
        Workload::LoadLeagues,
        Workload::Filtered,
        Workload::Create,
        Workload::Update,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Workload::Get => "get by key, one connection",
            Workload::GetInTasks => "get, 32 tasks, pool of 10",
            Workload::LoadUsers => "load 10,000 x 8 columns",
            Workload::LoadTeams => "load 10,000 x 3 columns",
            Workload::LoadLeagues => "load 1,000 with 10 children",
            Workload::Filtered => "built query, 20 rows",
            Workload::Create => "insert",
            Workload::Update => "update",
        }
    }

    pub fn writes(self) -> bool {
        matches!(self, Workload::Create | Workload::Update)
    }

    /// How many pieces are timed together: some tens of milliseconds, so that what disturbs one round
    /// of many leaves their median alone.
    pub fn count(self) -> usize {
        match self {
            Workload::Get => 500,
            Workload::GetInTasks => 1600,
            Workload::LoadUsers => 1,
            Workload::LoadTeams => 4,
            Workload::LoadLeagues => 2,
            Workload::Filtered => 200,
            Workload::Create | Workload::Update => 300,
        }
    }

    /// What one piece takes.
    pub async fn time<C: Contestant>(self, contestant: &Arc<C>) -> Outcome<Spent> {
        let count = self.count();
        let spent = match self {
            Workload::GetInTasks => {
                let start = Start::now();
                get_in_tasks(contestant, count / TASKS).await?;
                start.spent(count)
            }
            _ => {
                let mut held = contestant.hold().await?;
                // This connection may not have prepared the statement yet.
                self.work::<C>(&mut held, 1).await?;
                let start = Start::now();
                self.work::<C>(&mut held, count).await?;
                start.spent(count)
            }
        };
        Ok(spent)
    }

    async fn work<C: Contestant>(self, held: &mut C::Held, count: usize) -> Outcome<()> {
        match self {
            Workload::Get | Workload::GetInTasks => {
                for key in keys(7).take(count) {
                    black_box(C::get(held, key).await?);
                }
            }
            Workload::LoadUsers => {
                for _ in 0..count {
                    expect(C::load_users(held).await?.len(), ROWS)?;
                }
            }
            Workload::LoadTeams => {
                for _ in 0..count {
                    expect(C::load_teams(held).await?.len(), ROWS)?;
                }
            }
            Workload::LoadLeagues => {
                for _ in 0..count {
                    expect(C::load_leagues(held).await?.len(), LEAGUES)?;
                }
            }
            Workload::Filtered => {
                for age in (0..60).cycle().take(count) {
                    expect(C::filtered(held, age).await?.len(), 20)?;
                }
            }
            Workload::Create => {
                let user = new_user();
                for _ in 0..count {
                    black_box(C::create(held, &user).await?);
                }
            }
            Workload::Update => {
                let mut user = C::get(held, 1).await?;
                for age in (0..90).cycle().take(count) {
                    user = C::update(held, user, age).await?;
                }
                black_box(user);
            }
        }
        Ok(())
    }
}

/// A user who is in no table yet.
pub fn new_user() -> User {
    User {
        id: 0,
        nickname: "fantix".into(),
        email: "fantix@example.org".into(),
        age: 32,
        visits: 5_000_000_000,
        is_active: true,
        created_at: "2026-02-03T04:05:06.789Z".parse().unwrap_or_default(),
        profile: json!({
            "city": "Kraków", "tags": ["a", "b"], "level": 3, "ratio": 0.5, "none": null
        }),
    }
}

async fn get_in_tasks<C: Contestant>(contestant: &Arc<C>, count: usize) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let contestant = Arc::clone(contestant);
        tasks.spawn(async move {
            for key in keys(task as u64).take(count) {
                black_box(contestant.get_by_pool(key).await?);
            }
            Outcome::Ok(())
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Keys of users, in an order of no order.
fn keys(seed: u64) -> impl Iterator<Item = i32> + Send {
    let mut random = crate::random::Random::new(seed);
    std::iter::from_fn(move || Some(1 + random.below(ROWS as u32) as i32))
}

fn expect(found: usize, wanted: i32) -> Outcome<()> {
    match found == wanted as usize {
        true => Ok(()),
        false => Err(format!("{found} rows instead of {wanted}").into()),
    }
}
