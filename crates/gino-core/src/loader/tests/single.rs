//! One object per row.

use super::*;
use crate::error::ErrorKind;

#[test]
fn a_row_a_value_a_literal_and_a_call_are_made_by_the_host() {
    let call: fn(&[String]) -> Result<String> = |row| Ok(format!("<{}>", row.join("+")));
    assert_eq!(shown(Tree::Row, "1 ann\n2 -"), ["[1 ann]", "[2 NULL]"]);
    assert_eq!(shown(Tree::Column(1), "1 ann\n2 -"), ["ann", "NULL"]);
    assert_eq!(shown(Tree::Value("x"), "1\n2"), ["x", "x"]);
    assert_eq!(shown(Tree::Call(call), "1 ann"), ["<1+ann>"]);
}

#[test]
fn a_model_is_filled_from_its_columns() {
    let tree = model("user", &[(2, 0), (0, 1)], None, vec![]);
    let objects = load(tree, "ann x 1").unwrap();
    let Thing::Instance { values, .. } = &*objects[0] else {
        panic!()
    };
    assert_eq!(*values, [(0, "1".to_owned()), (1, "ann".to_owned())]);
}

#[test]
fn a_top_level_model_of_nulls_is_an_instance() {
    assert_eq!(
        shown(model("user", &[(0, 0), (1, 1)], None, vec![]), "- -"),
        ["user(NULL NULL)"]
    );
    let distinct = model("user", &[(0, 0), (1, 1)], Some(&[0]), vec![]);
    assert_eq!(
        shown(distinct, "- -\n- -\n1 a"),
        ["user(NULL NULL)", "user(1 a)"]
    );
}

#[test]
fn a_model_without_columns_is_an_empty_instance_at_the_top_and_in_tuples() {
    assert_eq!(shown(model("user", &[], None, vec![]), "1"), ["user()"]);
    let tree = Tree::Tuple(vec![model("user", &[], None, vec![]), Tree::Column(0)]);
    assert_eq!(shown(tree, "1"), ["(user(), 1)"]);
}

#[test]
fn a_model_of_nulls_in_a_tuple_is_none() {
    let user = model("user", &[(0, 0)], None, vec![]);
    let team = model("team", &[(1, 0), (2, 1)], None, vec![]);
    assert_eq!(
        shown(Tree::Tuple(vec![user, team]), "1 7 core\n2 - -\n3 - x"),
        [
            "(user(1), team(7 core))",
            "(user(2), none)",
            "(user(3), team(NULL x))"
        ]
    );
}

#[test]
fn a_distinct_model_with_a_key_of_nulls_in_a_tuple_is_none() {
    let team = model("team", &[(0, 0), (1, 1)], Some(&[0]), vec![]);
    assert_eq!(
        shown(Tree::Tuple(vec![team]), "- x\n7 y"),
        ["(none)", "(team(7 y))"]
    );
}

#[test]
fn tuples_in_tuples_keep_their_own_items() {
    let inner = Tree::Tuple(vec![Tree::Column(1), Tree::Tuple(vec![]), Tree::Column(2)]);
    let tree = Tree::Tuple(vec![Tree::Column(0), inner, Tree::Value("end")]);
    assert_eq!(
        shown(tree, "1 2 3\n4 5 6"),
        ["(1, (2, (), 3), end)", "(4, (5, (), 6), end)"]
    );
}

#[test]
fn a_tuple_is_given_for_each_row_with_the_same_distinct_object_in_it() {
    let team = model("team", &[(0, 0)], Some(&[0]), vec![]);
    let objects = load(Tree::Tuple(vec![team, Tree::Column(1)]), "7 a\n7 b").unwrap();
    let teams: Vec<_> = objects
        .iter()
        .map(|object| match &**object {
            Thing::Tuple(items) => items[0].clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(teams.len(), 2);
    assert!(Rc::ptr_eq(&teams[0], &teams[1]));
}

#[test]
fn columns_out_of_range_are_refused_wherever_they_are() {
    let trees: [fn() -> Tree<Names>; 5] = [
        || Tree::Column(2),
        || model("user", &[(0, 0), (2, 1)], None, vec![]),
        || model("user", &[(0, 0)], Some(&[2]), vec![]),
        || model("user", &[(0, 0)], None, vec![("team", Tree::Column(2))]),
        || Tree::Tuple(vec![Tree::Row, Tree::Tuple(vec![Tree::Column(2)])]),
    ];
    for tree in trees {
        let plan = Plan::new(tree());
        assert_eq!(plan.width(), 3);
        assert!(plan.check(3).is_ok());
        let error = plan.check(2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Row);
        assert_eq!(error.to_string(), "the row has no column \"#3\"");
    }
    assert!(
        Plan::new(Tree::<Names>::Column(usize::MAX))
            .check(5)
            .is_err()
    );
    assert!(Plan::new(Tree::<Names>::Row).check(0).is_ok());
}

#[test]
fn the_hosts_error_ends_the_row() {
    let failing: fn(&[String]) -> Result<String> = failing;
    let tree = Tree::Tuple(vec![Tree::Column(0), Tree::Call(failing)]);
    assert_eq!(load(tree, "1").unwrap_err().kind(), ErrorKind::Host);
}
