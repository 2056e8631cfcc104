//! Queries: pipelines of stages, bound to a schema and run on a snapshot.
//!
//! A [`Query`] begins with the rows of a store in the order of time and id.
//! Each stage sees the rows and columns that the stage before it gives:
//!
//! | stage | rows | columns |
//! |---|---|---|
//! | [`filter`](Query::filter) | those of which the predicate is true | the same |
//! | [`extend`](Query::extend) | the same | more, or others in their place |
//! | [`select`](Query::select) | the same | the selected ones |
//! | [`expand`](Query::expand) | one for each item of a list column | the item in the list's place |
//! | [`group_by`](Query::group_by) | one for each group, by ascending key | keys, then aggregates |
//! | [`sort`](Query::sort) | the same, in another order | the same |
//! | [`limit`](Query::limit) | the first ones | the same |
//! | [`page`](Query::page) | those of one page, sorted | the same |
//! | [`join`](Query::join) | pairs with rows of another query | of both |
//! | [`union`](Query::union) | of both queries | of both |
//! | [`sessionize`](Query::sessionize) | the same | one more: the session |
//! | [`top_per`](Query::top_per) | the first ones of each key | the same |
//!
//! A filter after a group is what SQL calls `HAVING`; a group after a group is
//! a collapse and its summary.
//!
//! A query is written in code or as JSON ([`Query::from_json`], or with serde);
//! both are the same value. `Query::bind` checks it against a schema and gives
//! a [`Plan`], which runs as often as one likes.
//!
#![doc = include_str!("../../docs/JSON.md")]

mod bind;
mod facets;
mod json;
mod partial;
mod parts;
mod pipeline;
mod plan;
mod range;
mod show;

pub use facets::{Facet, FacetCounts, Facets};
pub use partial::PartialResult;
pub use parts::{Expand, Join, JoinKind, Page, SortKey, asc, desc};
pub use pipeline::{GroupBy, Query};
pub use plan::{Explain, Limits, Plan};

pub(crate) use bind::{BoundJoin, BoundSort, BoundStage, Pipeline, STAGE_DEPTH};
pub(crate) use json::token::PageToken;
pub(crate) use partial::{Groups, Merging, error as partial_error};
pub(crate) use range::TimeRange;
