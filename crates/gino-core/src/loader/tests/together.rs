//! Several rows that make one object, and objects inside objects.

use super::*;

const USER: &[(usize, usize)] = &[(0, 0), (1, 1)];
const TEAM: &[(usize, usize)] = &[(2, 0), (3, 1)];

#[test]
fn each_user_gets_its_team() {
    let tree = model(
        "user",
        USER,
        None,
        vec![("team", model("team", TEAM, None, vec![]))],
    );
    let objects = load(tree, "1 ann 7 core\n2 bob 7 core").unwrap();
    let seen: Vec<_> = objects.iter().map(show).collect();
    assert_eq!(
        seen,
        [
            "user(1 ann team=team(7 core))",
            "user(2 bob team=team(7 core))"
        ]
    );
    assert!(!Rc::ptr_eq(
        &child(&objects[0], "team"),
        &child(&objects[1], "team")
    ));
}

#[test]
fn users_of_one_team_share_it_when_teams_are_distinct() {
    let team = model("team", TEAM, Some(&[2]), vec![]);
    let mut host = Memory::default();
    let tree = model("user", USER, None, vec![("team", team)]);
    let objects = load_with(&mut host, tree, "1 ann 7 core\n2 bob 8 docs\n3 cyd 7 core").unwrap();
    assert_eq!(objects.len(), 3);
    assert!(Rc::ptr_eq(
        &child(&objects[0], "team"),
        &child(&objects[2], "team")
    ));
    assert!(!Rc::ptr_eq(
        &child(&objects[0], "team"),
        &child(&objects[1], "team")
    ));
    assert_eq!(host.made, 3 + 2);
}

#[test]
fn a_child_of_nulls_sets_nothing() {
    let team = || model("team", TEAM, None, vec![("head", Tree::Value("x"))]);
    let tree = model("user", USER, None, vec![("team", team())]);
    assert_eq!(
        shown(tree, "1 ann - -\n2 bob - core"),
        ["user(1 ann)", "user(2 bob team=team(NULL core head=x))"]
    );
    let distinct = model("team", TEAM, Some(&[2]), vec![]);
    let tree = model("user", USER, None, vec![("team", distinct)]);
    assert_eq!(
        shown(tree, "1 ann - core"),
        ["user(1 ann)"],
        "a key of NULL is nobody's"
    );
}

#[test]
fn a_child_without_columns_sets_nothing() {
    let tree = model(
        "user",
        USER,
        None,
        vec![("team", model("team", &[], None, vec![]))],
    );
    assert_eq!(shown(tree, "1 ann"), ["user(1 ann)"]);
}

#[test]
fn values_calls_and_tuples_are_children_too() {
    let call: fn(&[String]) -> Result<String> = |row| Ok(row[1].to_uppercase());
    let children = vec![
        ("count", Tree::Column(2)),
        ("flag", Tree::Value("yes")),
        ("loud", Tree::Call(call)),
        ("pair", Tree::Tuple(vec![Tree::Column(0), Tree::Column(2)])),
    ];
    let tree = model("user", USER, None, children);
    assert_eq!(
        shown(tree, "1 ann 5\n2 bob -"),
        [
            "user(1 ann count=5 flag=yes loud=ANN pair=(1, 5))",
            "user(2 bob count=NULL flag=yes loud=BOB pair=(2, NULL))"
        ]
    );
}

#[test]
fn one_team_collects_its_users_and_is_given_once() {
    let user = model("user", &[(2, 0), (3, 1)], None, vec![]);
    let tree = model("team", &[(0, 0), (1, 1)], Some(&[0]), vec![("add", user)]);
    assert_eq!(
        shown(tree, "7 core 1 ann\n8 docs - -\n7 core 2 bob\n9 qa 3 cyd"),
        [
            "team(7 core add=user(1 ann) add=user(2 bob))",
            "team(8 docs)",
            "team(9 qa add=user(3 cyd))"
        ]
    );
}

#[test]
fn distinct_works_at_every_level_and_identity_holds_across_parents() {
    // Companies with teams with members; "ann" is in two teams, of two companies.
    let user = model("user", &[(2, 0)], Some(&[2]), vec![]);
    let team = model("team", &[(1, 0)], Some(&[1]), vec![("user", user)]);
    let tree = model("company", &[(0, 0)], Some(&[0]), vec![("team", team)]);
    let mut host = Memory::default();
    let rows = "x core ann\nx core bob\nx docs ann\ny ops ann\ny ops -\nz - -";
    let objects = load_with(&mut host, tree, rows).unwrap();
    let seen: Vec<_> = objects.iter().map(show).collect();
    assert_eq!(
        seen,
        [
            "company(x team=team(core user=user(ann) user=user(bob)) team=team(docs user=user(ann)))",
            "company(y team=team(ops user=user(ann)))",
            "company(z)"
        ]
    );
    let ann = child(&child(&objects[0], "team"), "user");
    assert!(Rc::ptr_eq(
        &ann,
        &child(&child(&objects[1], "team"), "user")
    ));
    assert_eq!(host.made, 3 + 3 + 2);
}

#[test]
fn a_distinct_parent_without_distinct_children_gets_one_per_row() {
    let user = model("user", &[(1, 0)], None, vec![]);
    let tree = model("team", &[(0, 0)], Some(&[0]), vec![("add", user)]);
    assert_eq!(shown(tree, "7 a\n7 a"), ["team(7 add=user(a) add=user(a))"]);
}

#[test]
fn keys_of_several_columns_do_not_run_into_each_other() {
    let tree = model("pair", &[(0, 0), (1, 1)], Some(&[0, 1]), vec![]);
    assert_eq!(
        shown(tree, "a bc\nab c\n- abc\nabc -\na bc"),
        [
            "pair(a bc)",
            "pair(ab c)",
            "pair(NULL abc)",
            "pair(abc NULL)"
        ]
    );
}

#[test]
fn nodes_with_equal_keys_do_not_share_instances() {
    let left = model("left", &[(0, 0)], Some(&[0]), vec![]);
    let right = model("right", &[(0, 0)], Some(&[0]), vec![]);
    assert_eq!(
        shown(Tree::Tuple(vec![left, right]), "1"),
        ["(left(1), right(1))"]
    );
}

#[test]
fn an_empty_key_is_no_distinct() {
    let tree = model("user", &[(0, 0)], Some(&[]), vec![]);
    assert_eq!(shown(tree, "1\n1"), ["user(1)", "user(1)"]);
}

#[test]
fn each_query_knows_its_own_instances_only() {
    let tree = || model("user", &[(0, 0)], Some(&[0]), vec![]);
    let plan = Plan::new(tree());
    let mut host = Memory::default();
    let body = [0, 1, 0, 0, 0, 1, b'7'];
    let row = RawRow::new(&body);
    let mut cells = Cells::default();
    cells.read(row, 1).unwrap();
    let mut walk = plan.begin();
    let first = plan
        .walk(&mut walk, &mut host, row, &cells)
        .unwrap()
        .unwrap();
    assert!(
        plan.walk(&mut walk, &mut host, row, &cells)
            .unwrap()
            .is_none()
    );
    let other = plan
        .walk(&mut plan.begin(), &mut host, row, &cells)
        .unwrap()
        .unwrap();
    assert!(!Rc::ptr_eq(&first, &other));
}
