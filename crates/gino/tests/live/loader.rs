//! What the rows of joined tables become.

use std::sync::Arc;

use gino::prelude::*;
use gino::{ErrorKind, func, loader};

use crate::server::Home;

static DB: Gino = Gino::new();

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "company")]
struct Company {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(relation)]
    teams: Vec<Team>,
}

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "team")]
struct Team {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(references = Company::ID)]
    company_id: Option<i32>,
    #[gino(relation)]
    company: Option<Arc<Company>>,
    #[gino(relation)]
    members: Vec<User>,
}

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "member")]
struct User {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(references = Team::ID)]
    team_id: Option<i32>,
    #[gino(references = User::ID)]
    manager_id: Option<i32>,
    #[gino(references = User::ID)]
    mentor_id: Option<i32>,
    #[gino(relation)]
    team: Option<Box<Team>>,
    #[gino(relation)]
    manager: Option<Box<User>>,
    #[gino(relation)]
    reports: Vec<User>,
    #[gino(relation(through = Tagging))]
    tags: Vec<Tag>,
    #[gino(skip)]
    label: String,
}

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "tag")]
struct Tag {
    #[gino(primary_key)]
    id: i32,
    name: String,
    #[gino(relation(by_loader))]
    users: Vec<User>,
}

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "tagging")]
struct Tagging {
    #[gino(primary_key, references = User::ID)]
    user_id: i32,
    #[gino(primary_key, references = Tag::ID)]
    tag_id: i32,
}

/// Two companies, three teams, five people, of whom one has no team; tags.
async fn filled(name: &str) -> Home {
    let home = Home::new(name, "max_size=2").await;
    DB.create_all().on(&home.engine).await.unwrap();
    let script = "INSERT INTO company (name) VALUES ('acme'), ('umbrella'), ('empty'); \
        INSERT INTO team (name, company_id) VALUES ('red', 1), ('green', 1), ('blue', 2); \
        INSERT INTO member (name, team_id, manager_id) VALUES ('ada', 1, NULL), ('bob', 1, 1), \
            ('cyd', 2, 1), ('dee', 3, 2), ('eve', NULL, NULL); \
        INSERT INTO tag (name) VALUES ('x'), ('y'), ('z'); \
        INSERT INTO tagging VALUES (1, 1), (1, 2), (2, 2), (4, 1)";
    home.engine.script(script).await.unwrap();
    home
}

fn names<'a>(users: impl IntoIterator<Item = &'a User>) -> Vec<&'a str> {
    users.into_iter().map(|user| user.name.as_str()).collect()
}

#[tokio::test]
async fn many_to_one_is_joined_by_its_foreign_key() {
    let home = filled("loader_one").await;
    let with_team = User::loader().team(Team::loader().company(Company::loader()));
    let query = User::query().load(with_team).order_by(User::ID);
    assert!(
        query
            .to_sql()
            .contains(r#"LEFT JOIN "team" ON "team"."id" = "member"."team_id""#),
        "{}",
        query.to_sql()
    );
    let users = query.clone().on(&home.engine).all().await.unwrap();
    assert_eq!(names(&users), ["ada", "bob", "cyd", "dee", "eve"]);
    let teams: Vec<_> = users
        .iter()
        .map(|user| user.team.as_ref().map(|team| team.name.as_str()))
        .collect();
    assert_eq!(
        teams,
        [Some("red"), Some("red"), Some("green"), Some("blue"), None]
    );
    let company = |user: &User| user.team.as_ref()?.company.as_ref().map(|c| c.name.clone());
    assert_eq!(company(&users[3]).as_deref(), Some("umbrella"));
    // One row is one instance: the server is asked for one only.
    let first = query.clone().on(&home.engine).first().await.unwrap();
    assert_eq!(first.unwrap().name, "ada");
    let filtered = query.filter(Team::NAME.eq("blue")).on(&home.engine).one();
    assert_eq!(filtered.await.unwrap().name, "dee");
    home.done().await;
}

#[tokio::test]
async fn one_to_many_is_distinct_at_any_depth() {
    let home = filled("loader_many").await;
    let loader = Company::loader().teams(Team::loader().members(User::loader()));
    let query = Company::query()
        .load(loader)
        .order_by((Company::ID, Team::ID, User::ID));
    let companies = query.clone().on(&home.engine).all().await.unwrap();
    type Teams<'a> = Vec<(&'a str, Vec<&'a str>)>;
    let tree: Vec<(&str, Teams<'_>)> = companies
        .iter()
        .map(|company| {
            let teams = company.teams.iter();
            let teams = teams.map(|team| (team.name.as_str(), names(&team.members)));
            (company.name.as_str(), teams.collect())
        })
        .collect();
    assert_eq!(
        tree,
        [
            (
                "acme",
                vec![("red", vec!["ada", "bob"]), ("green", vec!["cyd"])]
            ),
            ("umbrella", vec![("blue", vec!["dee"])]),
            ("empty", vec![]),
        ]
    );
    // The first of them is whole.
    let first = query.clone().on(&home.engine).first().await.unwrap();
    assert_eq!(first.unwrap().teams.len(), 2);
    let several = query.clone().on(&home.engine).one().await.unwrap_err();
    assert_eq!(several.kind(), ErrorKind::Row);
    // A cursor could cut one in two.
    let refused = home
        .engine
        .transaction(async |tx| query.clone().on(&tx).iterate().await.map(drop))
        .await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("use `all`"), "{message}");
    home.done().await;
}

#[tokio::test]
async fn rows_in_any_order_find_their_parents() {
    let home = filled("loader_order").await;
    let teams = Team::query()
        .load(Team::loader().members(User::loader()))
        .filter(Team::COMPANY_ID.eq(1))
        .order_by((User::NAME.desc(), Team::ID))
        .on(&home.engine)
        .all()
        .await
        .unwrap();
    let found: Vec<_> = teams
        .iter()
        .map(|t| (&*t.name, names(&t.members)))
        .collect();
    assert_eq!(found, [("green", vec!["cyd"]), ("red", vec!["bob", "ada"])]);
    home.done().await;
}

#[tokio::test]
async fn many_to_many_goes_through_a_table_from_both_ends() {
    let home = filled("loader_through").await;
    let loader = User::loader().tags(Tag::loader());
    let users = User::query()
        .load(loader)
        .order_by((User::ID, Tag::ID))
        .on(&home.engine)
        .all()
        .await
        .unwrap();
    let tags = |user: &User| -> Vec<String> { user.tags.iter().map(|t| t.name.clone()).collect() };
    let found: Vec<_> = users.iter().map(|user| tags(user).join("")).collect();
    assert_eq!(found, ["xy", "y", "", "x", ""]);
    let loader = Tag::loader().users(
        User::loader()
            .through(Tagging::TABLE)
            .team(Team::loader().company(Company::loader())),
    );
    let tagged = Tag::query()
        .load(loader)
        .order_by((Tag::ID, User::ID))
        .on(&home.engine)
        .all()
        .await
        .unwrap();
    let found: Vec<_> = tagged.iter().map(|tag| names(&tag.users)).collect();
    assert_eq!(found, [vec!["ada", "dee"], vec!["ada", "bob"], vec![]]);
    let team = tagged[0].users[1].team.as_ref().unwrap();
    assert_eq!(team.company.as_ref().unwrap().name, "umbrella");
    home.done().await;
}

#[tokio::test]
async fn lists_side_by_side_have_nothing_twice() {
    let home = filled("loader_beside").await;
    let report = User::alias("report");
    let loader = User::loader()
        .reports(
            report
                .loader()
                .on(report.col(User::MANAGER_ID).eq(User::ID)),
        )
        .tags(Tag::loader().through(Tagging::TABLE));
    let ada = User::query()
        .load(loader)
        .filter(User::ID.eq(1))
        .order_by((report.col(User::ID), Tag::ID))
        .on(&home.engine)
        .one()
        .await
        .unwrap();
    assert_eq!(names(&ada.reports), ["bob", "cyd"]);
    assert_eq!(ada.tags.len(), 2);
    home.done().await;
}

#[tokio::test]
async fn self_join_takes_an_alias_and_the_key_of_its_name() {
    let home = filled("loader_self").await;
    let manager = User::alias("manager");
    // Of the two foreign keys of a member to a member it is `manager_id`.
    let loader = User::loader().manager(manager.loader());
    let users = User::query()
        .load(loader)
        .order_by((manager.col(User::NAME), User::ID))
        .on(&home.engine)
        .all()
        .await
        .unwrap();
    let found: Vec<_> = users
        .iter()
        .map(|u| (&*u.name, u.manager.as_ref().map(|m| &*m.name)))
        .collect();
    assert_eq!(
        found,
        [
            ("bob", Some("ada")),
            ("cyd", Some("ada")),
            ("dee", Some("bob")),
            ("ada", None),
            ("eve", None),
        ]
    );
    // The other way round there is nothing to tell them by.
    let report = User::alias("report");
    let loader = User::loader().reports(report.loader());
    let unclear = User::query().load(loader).on(&home.engine).all().await;
    assert_eq!(
        unclear.unwrap_err().to_string(),
        "the loader cannot join report as reports of member: report has several foreign keys to \
         member; say how with `.on(condition)`, or `.joined()` if the query joins it"
    );
    home.done().await;
}

#[tokio::test]
async fn joins_of_the_query_and_conditions_are_taken() {
    let home = filled("loader_joined").await;
    let loader = User::loader().team(Team::loader().joined());
    let users = User::query()
        .join(Team::TABLE, Team::ID.eq(User::TEAM_ID))
        .load(loader)
        .order_by(User::ID)
        .on(&home.engine)
        .all()
        .await
        .unwrap();
    assert_eq!(names(&users), ["ada", "bob", "cyd", "dee"]);
    assert!(users.iter().all(|user| user.team.is_some()));
    let only_red = Team::loader().on(Team::ID.eq(User::TEAM_ID).and(Team::NAME.eq("red")));
    let users = User::query()
        .load(User::loader().load(User::TEAM, only_red))
        .order_by(User::ID)
        .on(&home.engine)
        .all()
        .await
        .unwrap();
    let with: Vec<bool> = users.iter().map(|user| user.team.is_some()).collect();
    assert_eq!(with, [true, true, false, false, false]);
    let nothing =
        Company::query().load(Company::loader().teams(Team::loader().through(Tag::TABLE)));
    let error = nothing.on(&home.engine).all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        error
            .to_string()
            .contains("tag has no foreign key to company")
    );
    home.done().await;
}

#[tokio::test]
async fn distinct_names_other_columns_than_the_key() {
    let home = filled("loader_distinct").await;
    let report = User::alias("report");
    let loader = User::loader().distinct(User::TEAM_ID).reports(
        report
            .loader()
            .on(report.col(User::TEAM_ID).eq(User::TEAM_ID)),
    );
    let per_team = User::query()
        .load(loader)
        .order_by((User::ID, report.col(User::ID)))
        .on(&home.engine)
        .all()
        .await
        .unwrap();
    let found: Vec<_> = per_team
        .iter()
        .map(|u| (&*u.name, names(&u.reports)))
        .collect();
    assert_eq!(
        found,
        [
            ("ada", vec!["ada", "bob"]),
            ("cyd", vec!["cyd"]),
            ("dee", vec!["dee"]),
            ("eve", vec![]),
        ]
    );
    home.done().await;
}

#[tokio::test]
async fn values_tuples_literals_and_closures_are_loaded() {
    let home = filled("loader_values").await;
    let on = &home.engine;
    let loader = User::loader().team(Team::loader()).with(
        (User::NAME, Team::NAME.nullable(), loader::literal('!')),
        |user, (name, team, mark)| {
            user.label = format!("{name}@{}{mark}", team.as_deref().unwrap_or("-"));
        },
    );
    let users = User::query()
        .load(loader)
        .order_by(User::ID)
        .on(on)
        .all()
        .await
        .unwrap();
    assert_eq!(users[0].label, "ada@red!");
    assert_eq!(users[4].label, "eve@-!");
    assert_eq!(users[2].team.as_ref().unwrap().name, "green");
    let labels = loader::map((User::ID, User::NAME), |(id, name)| format!("{id}{name}"));
    let labels = User::query()
        .load(labels)
        .order_by(User::ID)
        .limit(2)
        .on(on)
        .all();
    assert_eq!(labels.await.unwrap(), ["1ada", "2bob"]);
    let pairs = User::query()
        .load((User::whole(), gino::optional(Team::whole())))
        .left_join(Team::TABLE, Team::ID.eq(User::TEAM_ID))
        .order_by(User::ID)
        .on(on)
        .all()
        .await
        .unwrap();
    assert_eq!(pairs[4].1.as_ref().map(|team| team.id), None);
    assert_eq!(pairs[3].1.as_ref().map(|team| team.id), Some(3));
    let sevens = Team::query()
        .load(loader::literal(7))
        .on(on)
        .all()
        .await
        .unwrap();
    assert_eq!(sevens, [7, 7, 7]);
    let counted = Company::query()
        .load((Company::NAME, func::count()))
        .left_join(Team::TABLE, Team::COMPANY_ID.eq(Company::ID))
        .group_by(Company::NAME)
        .order_by(Company::NAME)
        .on(on)
        .all();
    let expected = [("acme", 2), ("empty", 1), ("umbrella", 1)];
    let expected = expected.map(|(name, count): (&str, i64)| (name.to_owned(), count));
    assert_eq!(counted.await.unwrap(), expected);
    home.done().await;
}
