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
        let field = looks_at(part, &mut field).then_some(field)??;
        let is_value = |bound: &Bound| value_of(bound) == Some(field);
        let test = part
            .clone()
            .replaced(&|bound| is_value(bound).then_some(Bound::Column(0)));
        test.is_total().then_some(Self { field, test })
    }
}

/// Which value of an item an expression is: one of its fields, or itself.
fn value_of(bound: &Bound) -> Option<Option<usize>> {
    match bound {
        Bound::Item => Some(None),
        Bound::Field(of, index) if **of == Bound::Item => Some(Some(*index)),
        _ => None,
    }
}

/// Whether an expression looks at nothing but one value of the item, the same everywhere, which is
/// said.
fn looks_at(bound: &Bound, field: &mut Option<Option<usize>>) -> bool {
    if let Some(value) = value_of(bound) {
        return *field.get_or_insert(value) == value;
    }
    // Within another list an item is another.
    let mut is_so = !matches!(bound, Bound::Column(_) | Bound::Each(..));
    bound.each_child(&mut |child| is_so = is_so && looks_at(child, field));
    is_so
}
