//! Rankings: the groups and the people with most activity.

use super::*;

impl Overview<'_> {
    pub(super) fn groups(&self) -> Result<Markup, Failure> {
        let filter = self
            .filter
            .clone()
            .with(Field::Category, Op::Is, "GroupManagement");
        let query = filter
            .query(&self.clock)
            .select([c::ROW, c::SOURCE, c::TARGETS])
            .expand(report_query::Expand::new("targets").alias("target"))
            .filter(
                col("target")
                    .field("type")
                    .eq("Group")
                    .and(col("target").field("id").is_not_null()),
            )
            .extend([
                col("target").field("id").alias("key"),
                col("target").field("name").alias("name"),
            ]);
        // A request may name a group twice.
        let of = |source: &'static str| count_distinct(c::ROW).filter(c::SOURCE.eq(source));
        let top = query.group_by(["key"]).aggregate([
            count_distinct(c::ROW).alias("rows"),
            of("identity_manager").alias("onprem"),
            of("entra").alias("cloud"),
            last(col("name")).alias("name"),
        ]);
        let ranks = self.ranks(top, &filter, Field::Target)?;
        Ok(self.ranked(
            "c-grp",
            "w6",
            "Groups with most changes",
            "Group",
            &ranks,
            self.log(&filter),
            None,
        ))
    }

    pub(super) fn requestors(&self) -> Result<Markup, Failure> {
        let mut query = self
            .filter
            .query(&self.clock)
            .filter(c::ACTOR.is_not_null());
        if !self.accounts {
            query = query.filter(c::ACTOR_KIND.eq("user"));
        }
        // First by what stands in columns, which is quick, then by whichever of it there is.
        let of = |source: &'static str| count_if(c::SOURCE.eq(source));
        let top = query
            .group_by([c::ACTOR_ID, c::ACTOR, c::ACTOR_NAME])
            .aggregate([
                count().alias("rows"),
                of("identity_manager").alias("onprem"),
                of("entra").alias("cloud"),
                max(c::TIME).alias("latest"),
            ])
            .extend([
                c::ACTOR_ID.coalesce(c::ACTOR).alias("key"),
                c::ACTOR_NAME.coalesce(c::ACTOR).alias("name"),
            ])
            .group_by(["key"])
            .aggregate([
                sum(col("rows")).alias("rows"),
                sum(col("onprem")).alias("onprem"),
                sum(col("cloud")).alias("cloud"),
                arg_max(col("name"), col("latest")).alias("name"),
            ]);
        let ranks = self.ranks(top, &self.filter, Field::InitiatedBy)?;
        let other = self.pairs(&self.filter, !self.accounts).link("/");
        let chip = html! {
            p.chips {
                span.chip {
                    span { span.k { (if self.accounts { "Shown:" } else { "Left out:" }) } " " b { "built-in accounts" } }
                    a href=(other) title="Remove" aria-label={ "Remove: " (if self.accounts { "shown" } else { "left out" }) " built-in accounts" } { (icon("x")) }
                }
            }
        };
        Ok(self.ranked(
            "c-ppl",
            "w4",
            "Most active requestors",
            "Person or account",
            &ranks,
            self.log(&self.filter),
            Some(chip),
        ))
    }

    /// The first keys by their number of rows, each with its two sources.
    pub(super) fn ranks(
        &self,
        keys: Query,
        filter: &Filter,
        field: Field,
    ) -> Result<Vec<Rank>, Failure> {
        let top = keys.sort([desc("rows"), asc("key")]).limit(RANKED);
        let top = self.context.run(&top, &self.snapshot)?;
        Row::all(&top)
            .filter_map(|row| Some((row, row.text("key")?)))
            .map(|(row, key)| {
                let filter = filter.clone().with(field, Op::Is, key);
                let mut values = vec![row.number("onprem"), row.number("cloud")];
                if key.parse::<uuid::Uuid>().is_err() {
                    // A bare name may be somebody else's, too: the link finds both.
                    values = self.by_source(&filter)?;
                }
                let name = row.text("name").unwrap_or(key);
                Ok(Rank {
                    name: text::value(name),
                    href: Some(self.log(&filter)),
                    values,
                })
            })
            .collect()
    }

    pub(super) fn by_source(&self, filter: &Filter) -> Result<Vec<u64>, Failure> {
        let counts = filter
            .query(&self.clock)
            .group_by([c::SOURCE])
            .aggregate([count().alias("rows")]);
        let counts = self.context.run(&counts, &self.snapshot)?;
        let mut values = vec![0, 0];
        for row in Row::all(&counts) {
            values[usize::from(row.text("source") != Some("identity_manager"))] +=
                row.number("rows");
        }
        Ok(values)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one card, each once"
    )]
    pub(super) fn ranked(
        &self,
        id: &str,
        width: &str,
        heading: &str,
        of: &str,
        ranks: &[Rank],
        all: String,
        chip: Option<Markup>,
    ) -> Markup {
        html! {
            section class={ "card " (width) } aria-labelledby=(id) {
                header { h2 id=(id) { (heading) } a.more href=(all) { "All" span.vh { " of “" (heading) "”" } } }
                div.body {
                    @if let Some(chip) = chip { (chip) }
                    @if ranks.is_empty() { div.empty { p { "None in this period." } } }
                    @else { (ranking(of, "Activities", &SOURCES, ranks)) }
                }
            }
        }
    }
}
