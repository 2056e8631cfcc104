//! Taking a tree apart, with the path in each error.

use super::tree::Tree;
use crate::error::{At, QueryError, Result};
use crate::schema::nearest;

pub(super) fn expected(what: &str, found: &Tree) -> QueryError {
    QueryError::form(format!("expected {what}, found {}", found.kind()))
}

pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> QueryError {
    QueryError::form(match nearest(name, known) {
        Some(nearest) => format!("unknown {what} `{name}`; is `{nearest}` meant?"),
        None => format!("unknown {what} `{name}`"),
    })
}

pub(super) fn text(tree: Tree) -> Result<String> {
    match tree {
        Tree::Text(text) => Ok(text),
        other => Err(expected("a text", &other)),
    }
}

pub(super) fn list(tree: Tree) -> Result<Vec<Tree>> {
    match tree {
        Tree::List(items) => Ok(items),
        other => Err(expected("an array", &other)),
    }
}

pub(super) fn count(tree: Tree) -> Result<u64> {
    match tree {
        Tree::Int(value) => u64::try_from(value)
            .map_err(|_| QueryError::form("expected a count, found a negative number")),
        other => Err(expected("a count", &other)),
    }
}

pub(super) fn truth(tree: Tree) -> Result<bool> {
    match tree {
        Tree::Bool(value) => Ok(value),
        other => Err(expected("a truth value", &other)),
    }
}

/// Each item of an array, with its position in errors.
pub(super) fn each<T>(tree: Tree, read: impl Fn(Tree) -> Result<T>) -> Result<Vec<T>> {
    list(tree)?
        .into_iter()
        .enumerate()
        .map(|(index, item)| read(item).at_index(index))
        .collect()
}

/// The items of an array of known length.
pub(super) fn exactly<const N: usize>(tree: Tree) -> Result<[Tree; N]> {
    list(tree)?.try_into().map_err(|items: Vec<Tree>| {
        QueryError::form(format!("expected {N} items, found {}", items.len()))
    })
}

/// The members of an object; those that are not taken are unknown.
pub(super) struct Members {
    pub(super) left: Vec<(String, Tree)>,
    known: Vec<&'static str>,
}

impl Members {
    pub(super) fn of(tree: Tree) -> Result<Self> {
        match tree {
            Tree::Map(members) => Ok(Self {
                left: members,
                known: Vec::new(),
            }),
            other => Err(expected("an object", &other)),
        }
    }

    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Tree) -> Result<T>,
    ) -> Result<Option<T>> {
        self.known.push(name);
        match self.left.iter().position(|(known, _)| known == name) {
            Some(index) => {
                let (_, value) = self.left.remove(index);
                read(value).at(name).map(Some)
            }
            None => Ok(None),
        }
    }

    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Tree) -> Result<T>,
    ) -> Result<T> {
        self.take(name, read)?
            .ok_or_else(|| QueryError::form(format!("member `{name}` is missing")))
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(unknown("member", name, self.known.into_iter())),
        }
    }
}

/// The one member of an object that is a tag and its content.
pub(super) fn tagged(tree: Tree, what: &str) -> Result<(String, Tree)> {
    let Tree::Map(members) = tree else {
        return Err(expected(&format!("an object that is {what}"), &tree));
    };
    let [one]: [_; 1] = members.try_into().map_err(|members: Vec<_>| {
        QueryError::form(format!(
            "expected one member that is {what}, found {}",
            members.len()
        ))
    })?;
    Ok(one)
}
