//! Microsoft Graph's `$filter` and `$orderby` over the activity table.
//!
//! A server that lists activities as Graph lists `directoryAudit`s reads its
//! options with this module, and renders the rows with
//! [`mim_events::entra::to_directory_audit`]:
//!
//! ```
//! use report_query::activity::{ActivityStore, columns::DOCUMENT};
//! use report_query::{Query, Retention, odata};
//!
//! let store = ActivityStore::new(Retention::MONTH);
//! let filter = odata::filter(
//!     "activityDateTime ge 2026-03-02 and result eq 'failure' \
//!      and targetResources/any(t:startswith(t/displayName,'Night'))",
//! )?;
//! let order = odata::order_by("activityDateTime asc")?;
//! let page = Query::new().filter(filter).sort(order.keys()).limit(100).select([DOCUMENT]);
//! assert_eq!(page.run(&store.snapshot())?.len(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be filtered by
//!
//! | Property | Operators |
//! |---|---|
//! | `activityDateTime` | `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `in` |
//! | `id`, `correlationId`, `initiatedBy/user/id`, `initiatedBy/app/appId` | `eq`, `ne`, `in` |
//! | `activityDisplayName`, `category`, `loggedByService`, `operationType`, `result`, `initiatedBy/user/displayName`, `initiatedBy/user/userPrincipalName`, `initiatedBy/app/displayName` (also `appDisplayName`) | `eq`, `ne`, `in`, `startswith`, `endswith`, `contains` |
//! | `targetResources/any(t: ...)` and `all`: `t/id` | `eq`, `ne`, `in` |
//! | the same: `t/displayName`, `t/userPrincipalName` | `eq`, `ne`, `in`, `startswith`, `endswith`, `contains` |
//!
//! They are joined by `and`, `or`, `not` and parentheses. This is more than Graph
//! documents, and what its clients send; everything else is a typed error.
//!
//! # What it means
//!
//! - A property has the value that the rendering shows: `result eq 'failure'` finds
//!   what was denied and canceled too, and `loggedByService eq 'MIM Service'` every
//!   activity of MIM. A time is compared as it is shown, cut to 100 ns.
//! - Texts are compared without regard to case (Graph says nothing of it), as the
//!   [semantics](crate::semantics#case) define it. Names of properties, operators
//!   and functions may be written in any case.
//! - What is not shown is null: `eq` of it is false and `ne` true, as is
//!   `eq null`; a text function of it is null, which a `not` does not make true.
//! - A date alone is its first moment, UTC; so is a time without a zone UTC. A plus
//!   sign outside of quotes is a blank, and a blank before an offset its sign:
//!   both come from clients that encode a URL by half. The text is taken as
//!   already percent-decoded.
//! - A GUID needs no quotes; a time may have them.
//! - A text has at most 8,192 bytes, and is nested no deeper than a query may be.

mod error;
mod lex;
mod parse;
mod property;

pub use error::{ODataError, ODataErrorKind};

use crate::activity::columns::{ROW, TIME};
use crate::expr::Expr;
use crate::query::{SortKey, asc, desc};
use error::Clause;
use lex::{Lexer, Token};

/// The predicate that a `$filter` asks for, over the columns of the
/// [activity table](crate::activity::columns).
///
/// # Errors
///
/// If the text is not in the language of this [module](self). What is no error
/// here can be bound to the activity schema as a filter of a query.
pub fn filter(text: &str) -> Result<Expr, ODataError> {
    parse::filter(text)
}

/// The predicate of `directoryAudits/{id}`: the activity whose rendering has this id.
///
/// A MIM request that was logged at several statuses is several rows with one id;
/// the one with the highest [`STATUS_RANK`](crate::activity::columns::STATUS_RANK)
/// is its latest.
///
/// ```
/// use report_query::odata;
///
/// let by_id = odata::id("SSGM_00000000-0000-4000-8000-0000000000aa_1");
/// # let _ = by_id;
/// ```
#[must_use]
pub fn id(id: &str) -> Expr {
    property::id_is(id)
}

/// The order that an `$orderby` asks for.
///
/// # Errors
///
/// If it is anything but `activityDateTime`, `activityDateTime asc` or
/// `activityDateTime desc`.
pub fn order_by(text: &str) -> Result<Order, ODataError> {
    let mut lexer = Lexer::new(Clause::OrderBy, text)?;
    let Token::Word(path) = *lexer.peek() else {
        return Err(lexer.expected("a property"));
    };
    match property::resolve(path, None) {
        Ok(property::Property::Time) => {}
        Err(kind @ ODataErrorKind::UnknownProperty { .. }) => return Err(lexer.error(kind)),
        _ => {
            let what = "ordering by this property";
            return Err(lexer.error(ODataErrorKind::Unsupported { what }));
        }
    }
    lexer.next()?;
    let order = if lexer.take_word("desc")? {
        Order::NewestFirst
    } else {
        lexer.take_word("asc")?;
        Order::OldestFirst
    };
    match lexer.peek() {
        Token::End => Ok(order),
        _ => Err(lexer.expected("`asc`, `desc` or the end")),
    }
}

/// In which order activities are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "time has two directions")]
pub enum Order {
    /// What a list without an `$orderby` has.
    #[default]
    NewestFirst,
    /// The order in which it happened.
    OldestFirst,
}

impl Order {
    /// The keys to sort or page by: the time, then the row, so that no two rows are equal.
    ///
    /// ```
    /// use report_query::{Page, Query, odata::Order};
    ///
    /// let page = Query::new().page(Page::new(100).by(Order::NewestFirst.keys()));
    /// # let _ = page;
    /// ```
    #[must_use]
    pub fn keys(self) -> [SortKey; 2] {
        match self {
            Self::NewestFirst => [desc(TIME), desc(ROW)],
            Self::OldestFirst => [asc(TIME), asc(ROW)],
        }
    }
}

#[cfg(test)]
mod tests;
