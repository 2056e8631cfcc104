//! `ItemTest`: what is asked of the items of a list, taken apart.

use super::bound::Bound;

/// A test of one value of an item, which cannot fail.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ItemTest {
    /// The field of the item, or the item itself.
    pub(crate) field: Option<usize>,
    /// With column 0 in the place of that value.
    pub(crate) test: Bound,
}

impl ItemTest {
    /// A test of an item at its `and`s; `None` if one looks at more than one value of the item, or
    /// at anything else.
    pub(super) fn all_of(inner: &Bound) -> Option<Vec<Self>> {
        let parts = match inner {
            Bound::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        parts.iter().map(Self::of).collect()
    }

    fn of(part: &Bound) -> Option<Self> {
        let mut field = None;
        let test = of_column(part, &mut field)?;
        let field = field?;
        test.is_total().then_some(Self { field, test })
    }
}

/// The same of column 0 instead of the one value of the item that is looked at: which is said, and
/// must be the same everywhere.
fn of_column(bound: &Bound, field: &mut Option<Option<usize>>) -> Option<Bound> {
    let mut value =
        |which: Option<usize>| (*field.get_or_insert(which) == which).then_some(Bound::Column(0));
    match bound {
        Bound::Item => return value(None),
        Bound::Field(of, index) if **of == Bound::Item => return value(Some(*index)),
        _ => {}
    }
    let mut boxed = |of: &Bound| of_column(of, field).map(Box::new);
    Some(match bound {
        Bound::Const(value) => Bound::Const(value.clone()),
        Bound::Compare(comparison, a, b) => Bound::Compare(*comparison, boxed(a)?, boxed(b)?),
        Bound::InSet(of, set) => Bound::InSet(boxed(of)?, set.clone()),
        Bound::TextTest(test, of, needle) => Bound::TextTest(*test, boxed(of)?, needle.clone()),
        Bound::Not(of) => Bound::Not(boxed(of)?),
        Bound::And(parts) => Bound::And(all_of_column(parts, field)?),
        Bound::Or(parts) => Bound::Or(all_of_column(parts, field)?),
        Bound::Call(function, arguments) => {
            Bound::Call(*function, all_of_column(arguments, field)?)
        }
        _ => return None,
    })
}

fn all_of_column(parts: &[Bound], field: &mut Option<Option<usize>>) -> Option<Vec<Bound>> {
    parts.iter().map(|part| of_column(part, field)).collect()
}
