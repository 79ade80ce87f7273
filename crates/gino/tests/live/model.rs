//! The example of the first page, and what a model's struct can say.

use gino::prelude::*;

use crate::server::dsn;

static DB: Gino = Gino::new();

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "teams", schema = "gino_example")]
struct Team {
    #[gino(primary_key)]
    id: i32,
    name: String,
}

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "users", schema = "gino_example")]
struct User {
    #[gino(primary_key)]
    id: i32,
    #[gino(default = "noname")]
    nickname: String,
    #[gino(references = Team::ID)]
    team_id: Option<i32>,
    #[gino(json, server_default = "{}")]
    profile: Json,
    #[gino(property(profile), default = 18)]
    age: i64,
    #[gino(relation)]
    team: Option<Box<Team>>,
}

#[tokio::test]
async fn example_of_the_first_page_runs() {
    DB.set_bind(&dsn()).await.unwrap();
    DB.script("DROP SCHEMA IF EXISTS gino_example CASCADE")
        .await
        .unwrap();
    DB.create_all().await.unwrap();
    let user = DB
        .transaction(async |_| {
            let team = Team::create().name("core").await?;
            User::create()
                .nickname("fantix")
                .team_id(team.id)
                .age(32)
                .await
        })
        .await
        .unwrap();
    assert_eq!(
        (user.nickname.as_str(), user.age, user.team_id),
        ("fantix", 32, Some(1))
    );
    let user = user
        .update()
        .nickname("daisy")
        .age(User::AGE + 1)
        .apply()
        .await
        .unwrap();
    assert_eq!((user.nickname.as_str(), user.age), ("daisy", 33));
    let again = User::get(user.id).await.unwrap().unwrap();
    assert_eq!((again.nickname.as_str(), again.age), ("daisy", 33));
    assert!(again.team.is_none());
    User::create().await.unwrap();
    let loaded = User::query()
        .load(User::loader().team(Team::loader()))
        .order_by(User::ID)
        .all()
        .await
        .unwrap();
    let team = |user: &User| user.team.as_ref().map(|team| (team.id, team.name.clone()));
    assert_eq!(
        loaded.iter().map(team).collect::<Vec<_>>(),
        [Some((1, "core".to_owned())), None]
    );
    let some = User::query()
        .filter(User::AGE.gt(20))
        .order_by(User::ID)
        .all()
        .await
        .unwrap();
    assert_eq!(
        some.iter().map(|user| user.id).collect::<Vec<_>>(),
        [user.id]
    );
    let names = User::select((User::ID, User::NICKNAME))
        .order_by(User::NICKNAME.desc())
        .all();
    assert_eq!(
        names.await.unwrap(),
        [(2, "noname".to_owned()), (1, "daisy".to_owned())]
    );
    assert!(user.delete().await.unwrap());
    assert!(User::get(user.id).await.unwrap().is_none());
    DB.drop_all().schemas(true).await.unwrap();
    DB.pop_bind().unwrap();
}
