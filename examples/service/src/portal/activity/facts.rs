//! What is beside the story: the timeline, the facts, the document.

use super::*;

impl Page<'_> {
    pub(super) fn timeline(&self) -> Markup {
        let activity = self.activity;
        let mut steps: Vec<(Option<DateTime<Utc>>, Markup, bool)> = Vec::new();
        if let Some(created) = activity.created {
            steps.push((
                Some(created),
                html! { "Requested by " (actor(self.context, &activity.actor)) },
                true,
            ));
        }
        if !activity.approvers_asked.is_empty() {
            steps.push((
                None,
                html! { "Approval asked of " (self.people(&activity.approvers_asked)) },
                true,
            ));
        }
        if !activity.approvers_decided.is_empty() {
            steps.push((
                None,
                html! { "Decided by " (self.people(&activity.approvers_decided)) },
                true,
            ));
        }
        if let Some(committed) = activity.committed {
            steps.push((Some(committed), html! { "Committed" }, true));
        }
        if let Some(completed) = activity.completed {
            steps.push((
                Some(completed),
                html! { "Completed: " (crate::portal::field::result_word(activity.result.as_str())) },
                true,
            ));
        }
        if steps.iter().all(|(time, ..)| time.is_none()) {
            steps.insert(
                0,
                (
                    Some(activity.time),
                    html! { "Recorded: " (crate::portal::field::result_word(activity.result.as_str())) },
                    true,
                ),
            );
        }
        if activity.result.as_str() == "pending" {
            steps.push((None, html! { "Waits for a decision" }, false));
        }
        let clock = &self.context.clock;
        let head = clock.head(steps.iter().filter_map(|(time, ..)| *time));
        html! {
            section.card aria-labelledby="s-tl" {
                header { h2 #s-tl { "Timeline (" (head.label) ")" } }
                div.body {
                    ol.steps {
                        @for (time, words, done) in &steps {
                            li class=[done.then_some("done")] {
                                (words)
                                @if let Some(time) = time { (clock.exact(*time)) (clock.own_offset(&head, *time)) span.sub { (clock.ago(*time)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    pub(super) fn people(&self, people: &[Actor]) -> Markup {
        html! { @for (index, person) in people.iter().enumerate() { @if index > 0 { ", " } (actor(self.context, person)) } }
    }

    pub(super) fn facts(&self) -> Markup {
        let activity = self.activity;
        let by = &activity.actor;
        let account = by.account.as_ref().map(|account| match &by.domain {
            Some(domain) => format!("{domain}\\{account}"),
            None => account.clone(),
        });
        let texts: [(&str, Option<&str>); 14] = [
            ("Service", Some(&activity.service)),
            ("Category", Some(&activity.category)),
            ("Operation", Some(&activity.operation)),
            ("Status", activity.status.as_deref()),
            ("Account", account.as_deref()),
            ("UPN", by.upn.as_deref()),
            ("IP address", by.ip.as_deref()),
            ("Through", by.via.as_deref()),
            ("Probably", by.hint.as_deref()),
            ("Kind", Some(activity.kind.as_str())),
            ("Actor id", by.id.as_deref()),
            ("Record", activity.source_id.as_deref()),
            ("Parent", activity.parent.as_deref()),
            ("Tenant", activity.tenant.as_deref()),
        ];
        let codes = ["Kind", "Actor id", "Record", "Parent", "Tenant"];
        html! {
            section.card aria-labelledby="s-facts" {
                header { h2 #s-facts { "Facts" } }
                div.body {
                    dl.defs {
                        dt { "Time" } dd { (self.context.clock.tag(activity.time, &self.context.clock.full(activity.time))) br; code { (utc(activity.time)) } }
                        dt { "Initiated by" } dd { (actor(self.context, by)) }
                        @for target in self.shown() {
                            dt { (text::value(if target.object_type.is_empty() { "Target" } else { &target.object_type })) }
                            dd { (self.target(target)) @if let Some(id) = &target.id { br; code { (text::value(id)) } } }
                        }
                        @for (label, value) in texts {
                            @if let Some(value) = value.filter(|value| !value.is_empty()) {
                                dt { (label) }
                                dd { @if codes.contains(&label) { code { (text::value(value)) } } @else { (text::value(value)) } }
                            }
                        }
                        @if let Some(id) = &activity.correlation {
                            dt { "Correlation" } dd { code { (text::value(id)) } }
                        }
                        dt { "Marks" }
                        dd {
                            @let names: Vec<&str> = activity.flags.names().collect();
                            @if names.is_empty() { "none" } @else { @for name in names { span.badge { (name) } " " } }
                        }
                        dt { "Id" } dd { code { (activity.id) } }
                    }
                }
            }
        }
    }

    /// The document, once it was asked for.
    pub(super) fn raw(&self, document: Option<&str>) -> Markup {
        let mut pairs = self.context.pairs.clone();
        pairs.add("document", "1");
        let shown = format!("{}#s-raw", pairs.link(&self.context.path));
        html! {
            section.card aria-labelledby="s-raw" {
                header { h2 #s-raw { "Document" } }
                div.body {
                    @match (missing_right(self.context), document) {
                        (Some(right), _) => p { "Raw documents need the right " code { (right) } "." },
                        (None, None) => p { a.btn href=(shown) { "Show the document" } },
                        (None, Some(json)) => pre.raw tabindex="0" { (text::block(json)) },
                    }
                }
            }
        }
    }
}
