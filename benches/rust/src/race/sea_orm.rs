//! Owns what is written on SeaORM: entities, active models, `load_many` for the children.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, ConnectOptions, Database, DatabaseConnection, LoaderTrait};
use sea_orm::{QueryOrder, QuerySelect};

use super::contestant::{self, Contestant, Outcome, POOL, plain};

mod user {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "gino_bench_users")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = "Text")]
        pub nickname: String,
        #[sea_orm(column_type = "Text")]
        pub email: String,
        pub age: i32,
        pub visits: i64,
        pub is_active: bool,
        pub created_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub profile: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod team {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "gino_bench_teams")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = "Text")]
        pub name: String,
        pub league_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::league::Entity",
            from = "Column::LeagueId",
            to = "super::league::Column::Id"
        )]
        League,
    }

    impl Related<super::league::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::League.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod league {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "gino_bench_leagues")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = "Text")]
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::team::Entity")]
        Team,
    }

    impl Related<super::team::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Team.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub struct OfSeaOrm {
    pool: DatabaseConnection,
    /// SeaORM lends no connection: a pool of one stands for it.
    single: DatabaseConnection,
}

pub struct League(league::Model, Vec<team::Model>);

async fn connect(url: &str, size: usize) -> Outcome<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(size as u32)
        .test_before_acquire(false)
        .sqlx_logging(false);
    Ok(Database::connect(options).await?)
}

impl Contestant for OfSeaOrm {
    const NAME: &'static str = "SeaORM";

    type Held = DatabaseConnection;
    type User = user::Model;
    type Team = team::Model;
    type League = League;

    async fn open(url: &str) -> Outcome<Self> {
        Ok(Self {
            pool: connect(url, POOL).await?,
            single: connect(url, 1).await?,
        })
    }

    async fn close(self) -> Outcome<()> {
        self.single.close().await?;
        Ok(self.pool.close().await?)
    }

    async fn hold(&self) -> Outcome<DatabaseConnection> {
        Ok(self.single.clone())
    }

    async fn get(held: &mut DatabaseConnection, key: i32) -> Outcome<user::Model> {
        let found = user::Entity::find_by_id(key).one(held).await?;
        Ok(found.ok_or("no such user")?)
    }

    async fn get_by_pool(&self, key: i32) -> Outcome<user::Model> {
        let found = user::Entity::find_by_id(key).one(&self.pool).await?;
        Ok(found.ok_or("no such user")?)
    }

    async fn load_users(held: &mut DatabaseConnection) -> Outcome<Vec<user::Model>> {
        Ok(user::Entity::find().all(held).await?)
    }

    async fn load_teams(held: &mut DatabaseConnection) -> Outcome<Vec<team::Model>> {
        Ok(team::Entity::find().all(held).await?)
    }

    async fn load_leagues(held: &mut DatabaseConnection) -> Outcome<Vec<League>> {
        let leagues = league::Entity::find().all(held).await?;
        let teams = leagues.load_many(team::Entity, held).await?;
        let both = leagues.into_iter().zip(teams);
        Ok(both.map(|(league, teams)| League(league, teams)).collect())
    }

    async fn filtered(held: &mut DatabaseConnection, age: i32) -> Outcome<Vec<user::Model>> {
        let query = user::Entity::find()
            .filter(user::Column::Age.gt(age))
            .filter(user::Column::IsActive.eq(true))
            .order_by_asc(user::Column::Id)
            .limit(20);
        Ok(query.all(held).await?)
    }

    async fn create(
        held: &mut DatabaseConnection,
        user: &contestant::User,
    ) -> Outcome<user::Model> {
        let created = user::ActiveModel {
            nickname: Set(user.nickname.clone()),
            email: Set(user.email.clone()),
            age: Set(user.age),
            visits: Set(user.visits),
            is_active: Set(user.is_active),
            created_at: Set(user.created_at),
            profile: Set(user.profile.clone()),
            ..Default::default()
        };
        Ok(created.insert(held).await?)
    }

    async fn update(
        held: &mut DatabaseConnection,
        user: user::Model,
        age: i32,
    ) -> Outcome<user::Model> {
        let mut changed = user::ActiveModel::from(user);
        changed.age = Set(age);
        Ok(changed.update(held).await?)
    }
}

plain!(user::Model => User {
    id, nickname, email, age, visits, is_active, created_at, profile
});
plain!(team::Model => Team { id, name, league_id });

impl From<League> for contestant::League {
    fn from(League(league, teams): League) -> Self {
        Self {
            id: league.id,
            name: league.name,
            teams: teams.into_iter().map(Into::into).collect(),
        }
    }
}
