//! What the derives say about mistakes that they can see by themselves.

use quote::ToTokens;
use syn::DeriveInput;

use crate::{columns, enumeration, model};

fn parsed(source: &str) -> DeriveInput {
    syn::parse_str(source).unwrap()
}

/// What `derive(Model)` says about a model with `fields`.
fn refused(fields: &str) -> String {
    let source = format!("#[gino(db = DB)] struct User {{ {fields} }}");
    model::derive(&parsed(&source)).unwrap_err().to_string()
}

fn derived(source: &str) -> String {
    let tokens = model::derive(&parsed(source))
        .unwrap()
        .into_token_stream()
        .to_string();
    tokens.replace(' ', "")
}

#[test]
fn model_without_database_is_told_how_to_name_one() {
    let error = model::derive(&parsed("struct User { id: i32 }")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`User` has no database: add #[gino(db = DB)], where DB is a `static DB: Gino`"
    );
}

#[test]
fn unknown_option_is_told_which_there_are() {
    let error = refused("#[gino(primary)] id: i32");
    assert!(error.starts_with(
        "unknown option `primary` of a field (did you mean `primary_key`?); there are: primary_key, "
    ));
    let guess = |option: &str| refused(&format!("#[gino({option} = \"x\")] id: i32"));
    assert!(guess("uniqeu").contains("did you mean `unique`?"));
    assert!(guess("refernces").contains("did you mean `references`?"));
    assert!(!guess("foreign").contains("did you mean"));
    let error = model::derive(&parsed("#[gino(name = \"x\")] struct User { id: i32 }"));
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("unknown option `name` of a model; there are: db, table, "));
}

#[test]
fn property_without_its_column_is_told_what_to_add() {
    assert_eq!(
        refused("id: i32, #[gino(property(profile))] age: i64"),
        "the property `age` lives in a JSON column `profile`, which is not a field here: add \
         `#[gino(json, server_default = \"{}\")] profile: Json`"
    );
}

#[test]
fn options_of_columns_are_refused_elsewhere() {
    assert_eq!(
        refused("id: i32, #[gino(relation, unique)] team: Option<Box<Team>>"),
        "`unique` is for columns, and `team` is a relation"
    );
    assert_eq!(
        refused("id: i32, #[gino(flatten, default)] stamps: Stamps"),
        "`default` is for columns and properties, `stamps` is neither"
    );
    assert_eq!(
        refused("#[gino(key = \"x\")] id: i32"),
        "`key` is for a property(…)"
    );
}

#[test]
fn wrong_values_of_options_are_told_what_to_write() {
    assert_eq!(
        refused("#[gino(server_default = now())] since: i32"),
        "write a literal (a string is quoted for you) or sql(\"expression\")"
    );
    assert_eq!(
        refused("#[gino(references(Team::ID, on_delete = \"explode\"))] team_id: i32"),
        "write \"cascade\", \"restrict\", \"set null\", \"set default\" or \"no action\""
    );
    assert_eq!(
        refused("#[gino(references(Team::ID, on_drop = \"cascade\"))] team_id: i32"),
        "unknown option `on_drop` of references(…); there are: name, on_delete, on_update, \
         deferrable"
    );
}

#[test]
fn constraints_name_fields_that_are_there() {
    let source = "#[gino(db = DB, unique(id, nickname))] struct User { id: i32 }";
    let error = model::derive(&parsed(source)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`nickname` is not a field with a column here; there are: id"
    );
}

#[test]
fn shapes_that_cannot_be_rows_are_refused() {
    for source in ["enum User { A }", "struct User(i32);"] {
        let error = model::derive(&parsed(source)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "derive(Model) is for a struct with named fields: `struct User { … }`"
        );
    }
    let error = model::derive(&parsed("struct User<T> { id: T }")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "derive(Model) takes no type parameters: a table has one shape, so write a struct for each"
    );
    let error = enumeration::derive(&parsed("enum Mood { Happy, Sad(u8) }")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Sad` holds data, which a label cannot: keep the enum in a JSON column, #[gino(json)]"
    );
    let group = columns::derive(&parsed("struct G { #[gino(primary_key)] id: i32 }"));
    assert_eq!(
        group.unwrap_err().to_string(),
        "a group of columns cannot hold a primary key: put it into the model"
    );
}

#[test]
fn single_integer_key_counts_up_unless_told_otherwise() {
    let counts = |field: &str, more: &str| {
        let source =
            format!("#[gino(db = DB)] struct T {{ {field} id: i32, {more} name: String }}");
        derived(&source).contains("autoincrement:true&&")
    };
    assert!(counts("#[gino(primary_key)]", ""));
    assert!(!counts("#[gino(primary_key, autoincrement = false)]", ""));
    assert!(!counts("#[gino(primary_key, default = 7)]", ""));
    assert!(!counts("#[gino(primary_key, references = Team::ID)]", ""));
    assert!(!counts("#[gino(primary_key)]", "#[gino(primary_key)]"));
    assert!(!counts("", ""));
}

#[test]
fn names_come_from_the_struct_unless_it_says_otherwise() {
    let plain = derived("#[gino(db = DB)] struct UserGroup { r#type: i32 }");
    assert!(
        plain.contains("(::core::option::Option::None,\"user_group\")")
            && plain.contains("TYPE:::gino"),
        "{plain}"
    );
    assert!(plain.contains("name:\"type\""), "{plain}");
    let named = "#[gino(db = DB, table = \"groups\", schema = \"app\")] \
                 struct G { #[gino(column = \"kind\")] r#type: i32 }";
    let named = derived(named);
    assert!(
        named.contains("(::core::option::Option::Some(\"app\"),\"groups\")"),
        "{named}"
    );
    assert!(named.contains("name:\"kind\",field:"), "{named}");
}

#[test]
fn model_registers_itself_unless_it_is_not_to_be_created() {
    let plain = derived("#[gino(db = DB)] struct User { id: i32 }");
    assert!(plain.contains("__inventory::submit!"));
    let view = derived("#[gino(db = DB, create = false)] struct User { id: i32 }");
    assert!(!view.contains("__inventory::submit!"));
}

#[test]
fn index_names_columns_and_properties() {
    let made = derived(
        "#[gino(db = DB, index(id, age))] struct User { id: i32, profile: Json, \
         #[gino(property(profile))] age: i64 }",
    );
    assert!(made.contains("IndexPart::Column(\"id\"),::gino::model::IndexPart::Property(\"age\")"));
    let error = model::derive(&parsed(
        "#[gino(db = DB, index(no))] struct User { id: i32 }",
    ));
    assert_eq!(
        error.unwrap_err().to_string(),
        "`no` is not a field with a column here; there are: id"
    );
}

#[test]
fn skipped_field_is_neither_column_nor_setter() {
    let made = derived("#[gino(db = DB)] struct User { id: i32, #[gino(skip)] label: String }");
    assert!(made.contains("letlabel=::core::default::Default::default();"));
    assert!(!made.contains("pubfnlabel"));
    assert_eq!(
        refused("id: i32, #[gino(skip, unique)] label: String"),
        "`unique` is for columns, and `label` is skipped"
    );
}

#[test]
fn single_key_counts_up_unless_something_else_fills_it() {
    let counts = |field: &str| {
        let made = derived(&format!(
            "#[gino(db = DB)] struct User {{ #[gino({field})] id: i32 }}"
        ));
        made.contains("autoincrement:true&&")
    };
    assert!(counts("primary_key"));
    assert!(!counts("primary_key, sequence = NUMBERS"));
    assert!(!counts("primary_key, server_default = 1"));
    assert!(!counts("primary_key, autoincrement = false"));
}

#[test]
fn two_fields_are_never_one_column() {
    assert_eq!(
        refused("id: i32, #[gino(column = \"name\")] nickname: String, name: String"),
        "`nickname` and `name` are both the column \"name\": give one of them another, \
         #[gino(column = \"…\")]"
    );
}
