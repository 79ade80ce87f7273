//! Rows to objects with a host that lives in memory.

mod single;
mod together;

use std::cell::RefCell;
use std::rc::Rc;
use std::vec;

use super::*;
use crate::error::{HostError, Result};
use crate::row::{Cells, RawRow};

/// An object of the tests, told apart by its address.
#[derive(Debug)]
enum Thing {
    Row(Vec<String>),
    Value(String),
    Instance {
        model: &'static str,
        values: Vec<(usize, String)>,
        children: RefCell<Children>,
    },
    Tuple(Vec<Object>),
    Nothing,
}

type Object = Rc<Thing>;
type Children = Vec<(&'static str, Object)>;

struct Names;

impl Shape for Names {
    type Model = &'static str;
    type Key = &'static str;
    type Value = &'static str;
    type Call = fn(&[String]) -> Result<String>;
}

#[derive(Default)]
struct Memory {
    made: usize,
}

impl Host for Memory {
    type Shape = Names;
    type Object = Object;

    fn row(&mut self, view: View<'_>) -> Result<Object> {
        Ok(Rc::new(Thing::Row(texts(view))))
    }

    fn value(&mut self, view: View<'_>, column: usize) -> Result<Object> {
        Ok(Rc::new(Thing::Value(text(view, column))))
    }

    fn instance(
        &mut self,
        view: View<'_>,
        model: &&'static str,
        columns: &[(usize, usize)],
    ) -> Result<Object> {
        self.made += 1;
        let values = columns
            .iter()
            .map(|(column, slot)| (*slot, text(view, *column)))
            .collect();
        Ok(Rc::new(Thing::Instance {
            model,
            values,
            children: RefCell::default(),
        }))
    }

    /// As a Python class with a method that collects into a list without repeating.
    fn attach(&mut self, parent: &Object, key: &&'static str, child: Object) -> Result<()> {
        let Thing::Instance { children, .. } = &**parent else {
            panic!("{parent:?} is no parent")
        };
        let mut children = children.borrow_mut();
        if !children
            .iter()
            .any(|(name, known)| name == key && Rc::ptr_eq(known, &child))
        {
            children.push((key, child));
        }
        Ok(())
    }

    fn tuple(&mut self, items: vec::Drain<'_, Object>) -> Result<Object> {
        Ok(Rc::new(Thing::Tuple(items.collect())))
    }

    fn literal(&mut self, value: &&'static str) -> Result<Object> {
        Ok(Rc::new(Thing::Value((*value).to_owned())))
    }

    fn call(&mut self, view: View<'_>, call: &fn(&[String]) -> Result<String>) -> Result<Object> {
        Ok(Rc::new(Thing::Value(call(&texts(view))?)))
    }

    fn none(&mut self) -> Object {
        Rc::new(Thing::Nothing)
    }
}

fn text(view: View<'_>, column: usize) -> String {
    view.get(column).map_or("NULL".into(), |bytes| {
        String::from_utf8(bytes.into()).unwrap()
    })
}

fn texts(view: View<'_>) -> Vec<String> {
    (0..view.cells().len())
        .map(|column| text(view, column))
        .collect()
}

fn model(
    model: &'static str,
    columns: &[(usize, usize)],
    distinct: Option<&[usize]>,
    children: Vec<(&'static str, Tree<Names>)>,
) -> Tree<Names> {
    let distinct = distinct.map(<[_]>::to_vec);
    Tree::Model {
        model,
        columns: columns.to_vec(),
        distinct,
        children,
    }
}

/// Loads `rows`, a line each, values apart by blanks, `-` for NULL.
fn load(tree: Tree<Names>, rows: &str) -> Result<Vec<Object>> {
    load_with(&mut Memory::default(), tree, rows)
}

fn load_with(host: &mut Memory, tree: Tree<Names>, rows: &str) -> Result<Vec<Object>> {
    let plan = Plan::new(tree);
    let mut walk = plan.begin();
    let mut cells = Cells::default();
    let mut objects = Vec::new();
    for line in rows.trim().lines() {
        let values: Vec<_> = line.split_whitespace().collect();
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in &values {
            if *value == "-" {
                body.extend((-1_i32).to_be_bytes());
            } else {
                body.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
                body.extend(value.as_bytes());
            }
        }
        let row = RawRow::new(&body);
        cells.read(row, values.len())?;
        plan.check(values.len())?;
        objects.extend(plan.walk(&mut walk, host, row, &cells)?);
    }
    Ok(objects)
}

/// An object as text: `user(1 ann team=team(7 core))`.
fn show(object: &Object) -> String {
    match &**object {
        Thing::Row(values) => format!("[{}]", values.join(" ")),
        Thing::Value(value) => value.clone(),
        Thing::Nothing => "none".into(),
        Thing::Tuple(items) => format!(
            "({})",
            items.iter().map(show).collect::<Vec<_>>().join(", ")
        ),
        Thing::Instance {
            model,
            values,
            children,
        } => {
            let values = values.iter().map(|(_, value)| value.clone());
            let children = children.borrow();
            let children = children
                .iter()
                .map(|(key, child)| format!("{key}={}", show(child)));
            format!(
                "{model}({})",
                values.chain(children).collect::<Vec<_>>().join(" ")
            )
        }
    }
}

fn shown(tree: Tree<Names>, rows: &str) -> Vec<String> {
    load(tree, rows).unwrap().iter().map(show).collect()
}

fn child(object: &Object, key: &str) -> Object {
    let Thing::Instance { children, .. } = &**object else {
        panic!("{object:?} has no children")
    };
    children
        .borrow()
        .iter()
        .find(|(name, _)| *name == key)
        .unwrap()
        .1
        .clone()
}

fn failing(_row: &[String]) -> Result<String> {
    Err(HostError("the host's own".into()).into())
}
