//! What belongs to an activity, and what stands beside it in the log.

use super::*;

impl Page<'_> {
    /// The request above, this one, those that it caused, and what has the same correlation.
    pub(super) fn related(&self) -> Result<Markup, Failure> {
        let activity = self.activity;
        let keys: Vec<&str> = [&activity.correlation, &activity.parent]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if keys.is_empty() {
            return Ok(html! {});
        }
        let found = keys
            .iter()
            .flat_map(|key| [c::CORRELATION.eq(*key), c::PARENT.eq(*key)])
            .map(|expr| expr.coalesce(false))
            .reduce(report_query::Expr::or)
            .unwrap_or_else(|| report_query::lit(false));
        let query = Query::new()
            .filter(found)
            .top_per(
                [c::REQUEST_KEY, c::KIND, c::TARGET_KEY],
                [desc(c::STATUS_RANK), desc(c::TIME)],
                1,
            )
            .sort([asc(c::TIME), asc(c::ROW)])
            .limit(MOST_RELATED + 1)
            .select(needed().into_iter().chain([c::PARENT]));
        let rows = self.context.run(&query, &self.context.snapshot())?;
        if rows.len() < 2 {
            return Ok(html! {});
        }
        let all: Vec<Row<'_>> = Row::all(&rows).take(MOST_RELATED as usize).collect();
        // Children are those whose parent is the correlation of another row.
        let above: Vec<&Row<'_>> = all
            .iter()
            .filter(|row| {
                !row.text("parent").is_some_and(|parent| {
                    all.iter()
                        .any(|other| other.text("correlation") == Some(parent))
                })
            })
            .collect();
        let children = |of: &str| -> Vec<&Row<'_>> {
            all.iter()
                .filter(|row| row.text("parent") == Some(of))
                .collect()
        };
        let mut drawn: Vec<&str> = Vec::new();
        let mut items = Vec::new();
        for row in &above {
            let request = row.text("correlation").unwrap_or_default();
            // The children of a request stand once, below the last of its rows.
            let is_last = above
                .iter()
                .rfind(|other| other.text("correlation") == row.text("correlation"))
                .is_some_and(|last| last.index == row.index);
            let below = if is_last && !drawn.contains(&request) {
                children(request)
            } else {
                Vec::new()
            };
            drawn.push(request);
            items.push((*row, below));
        }
        Ok(html! {
            section.card aria-labelledby="s-rel" {
                header {
                    h2 #s-rel { "Related" }
                    @if let Some(id) = &activity.correlation {
                        a.more href=(link(Period::Days(366), &[(Field::Correlation, Op::Is, id)], self.context.tz())) { "In the log" }
                    }
                }
                div.body {
                    ul.tree {
                        @for (row, below) in &items {
                            li {
                                (self.node(row))
                                @if !below.is_empty() { ul { @for child in below { li { (self.node(child)) } } } }
                            }
                        }
                    }
                    @if rows.len() as u64 > MOST_RELATED { p.foot-note { "The first " (MOST_RELATED) "; the log has all." } }
                }
            }
        })
    }

    pub(super) fn node(&self, row: &Row<'_>) -> Markup {
        let id = row.value("id").map(ToString::to_string).unwrap_or_default();
        let current = id == self.activity.id.to_string();
        let name = row.text("activity").unwrap_or("Activity");
        html! {
            div {
                @if current { span aria-current="true" { (text::value(name)) } }
                @else { a href=(self.context.keeping_zone(&format!("/log/{id}"))) { (text::value(name)) } }
                (result(row.text("result").unwrap_or("unknown")))
                @if let Some(target) = targets(row).first() { span { (text::value(target.name)) } }
                @if let Some(time) = row.time("time") { span.sub { (self.context.clock.exact(time)) } }
            }
        }
    }

    /// The rows beside this one in the log that it was opened from.
    pub(super) fn neighbours(&self) -> Result<Markup, Failure> {
        let Some(back) = self.context.pairs.single("back")? else {
            return Ok(html! {});
        };
        let pairs = Pairs::parse(back);
        let clock = View::clock(&pairs, self.context.clock)?;
        let view = View::read(&pairs, &clock)
            .map_err(|_| BadParameter::new("back", "is no address of the log"))?;
        let snapshot = self.context.snapshot();
        let snapshot = view.as_of.map_or_else(
            || snapshot.clone(),
            |as_of| self.context.as_of(&snapshot, as_of),
        );
        let time = self.activity.time;
        let here = Query::new()
            .filter(c::ID.eq(self.activity.id))
            .sort([desc(c::STATUS_RANK), desc(c::TIME)])
            .limit(1)
            .select([c::ROW]);
        let here = self.context.run(&here, &snapshot)?;
        let Some(row) = Row::all(&here)
            .next()
            .and_then(|row| row.value("row"))
            .cloned()
        else {
            return Ok(html! {});
        };
        let row = report_query::lit(row);
        let beside = |newer: bool| {
            let query = view.filter.query(&clock);
            let (query, keys) = if newer {
                let later = c::TIME
                    .gt(time)
                    .or(c::TIME.eq(time).and(c::ROW.gt(row.clone())));
                (query.filter(later), [asc(c::TIME), asc(c::ROW)])
            } else {
                let earlier = c::TIME
                    .lt(time)
                    .or(c::TIME.eq(time).and(c::ROW.lt(row.clone())));
                (query.filter(earlier), [desc(c::TIME), desc(c::ROW)])
            };
            let found = self
                .context
                .run(&query.sort(keys).limit(1).select([c::ID]), &snapshot)?;
            let id = Row::all(&found)
                .next()
                .and_then(|row| row.value("id").map(ToString::to_string));
            Ok::<_, Failure>(id.map(|id| {
                let mut pairs = Pairs::default().with("back", back);
                if let Some(tz) = self.context.tz() {
                    pairs.add("tz", tz);
                }
                pairs.link(&format!("/log/{id}"))
            }))
        };
        let (newer, older) = (beside(true)?, beside(false)?);
        Ok(html! {
            @for (rel, label, href) in [("prev", "Newer", newer), ("next", "Older", older)] {
                @match href {
                    Some(href) => a.btn rel=(rel) href=(href) { (label) },
                    None => span.btn aria-disabled="true" { (label) },
                }
            }
        })
    }
}
