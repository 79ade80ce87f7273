//! Owns the models that the tests of the ORM share: each test has a database of its own behind them.

/// Declares `DB` and its models in a test, and binds `$home`'s engine to it, whose schema has their
/// tables then.
macro_rules! shelf {
    ($home:ident, $name:literal) => {
        static DB: Gino = Gino::new();

        #[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
        #[gino(name = "genre")]
        enum Genre {
            #[gino(name = "novel")]
            Novel,
            #[gino(name = "essay")]
            Essay,
        }

        #[derive(serde::Serialize, serde::Deserialize, Debug, Clone, PartialEq)]
        struct Blurb {
            text: String,
            stars: u8,
        }

        #[derive(Columns, Debug, Clone, PartialEq)]
        struct Stamps {
            #[gino(server_default = sql("now()"))]
            added: std::time::SystemTime,
            #[gino(default = "import")]
            source: String,
        }

        #[derive(Model, Debug, Clone, PartialEq)]
        #[gino(db = DB, table = "authors")]
        struct Author {
            #[gino(primary_key)]
            id: i32,
            #[gino(unique)]
            name: String,
            #[gino(column = "born_in")]
            born: Option<i32>,
            #[gino(references = Author::ID)]
            mentor_id: Option<i32>,
            #[gino(relation)]
            books: Vec<Book>,
        }

        #[derive(Model, Debug, Clone, PartialEq)]
        #[gino(db = DB, table = "books", unique(title, author_id))]
        struct Book {
            #[gino(primary_key)]
            id: i64,
            title: String,
            #[gino(references(Author::ID, on_delete = "cascade"))]
            author_id: i32,
            #[gino(default = Genre::Novel)]
            genre: Genre,
            #[gino(default)]
            tags: Vec<String>,
            #[gino(json)]
            blurb: Option<Json<Blurb>>,
            #[gino(server_default = "{}")]
            facts: Json,
            #[gino(property(facts), default = 1)]
            edition: i32,
            #[gino(property(facts))]
            isbn: Option<String>,
            #[gino(flatten)]
            stamps: Stamps,
        }

        #[derive(Model, Debug, Clone, PartialEq)]
        #[gino(db = DB, table = "loans")]
        struct Loan {
            #[gino(primary_key)]
            book_id: i64,
            #[gino(primary_key)]
            reader: String,
            #[gino(default = 14)]
            days: i16,
        }

        let $home = crate::server::Home::new($name, "max_size=3").await;
        DB.set_bind($home.engine.clone()).await.unwrap();
        DB.script(crate::shelf::TABLES).await.unwrap();
        // Not every test needs every model.
        let _ = (Author::whole(), Book::whole(), Loan::whole(), Genre::Essay);
        let _ = (
            Blurb {
                text: String::new(),
                stars: 0,
            }
            .stars,
            Book::STAMPS,
            Author::BOOKS,
        );
    };
}
pub(crate) use shelf;

/// What `shelf!` describes.
pub(crate) const TABLES: &str = "
    CREATE TYPE genre AS ENUM ('novel', 'essay');
    CREATE TABLE authors (id serial PRIMARY KEY, name text NOT NULL UNIQUE, born_in int4,
        mentor_id int4 REFERENCES authors);
    CREATE TABLE books (id bigserial PRIMARY KEY, title text NOT NULL,
        author_id int4 NOT NULL REFERENCES authors ON DELETE CASCADE, genre genre NOT NULL,
        tags text[] NOT NULL, blurb jsonb, facts jsonb NOT NULL DEFAULT '{}',
        added timestamptz NOT NULL DEFAULT now(), source text NOT NULL, UNIQUE (title, author_id));
    CREATE TABLE loans (book_id int8, reader text, days int2 NOT NULL,
        PRIMARY KEY (book_id, reader))";
