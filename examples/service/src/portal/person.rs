//! People: found by name, shown under an opaque key, with all identities that are surely theirs.

use std::collections::{BTreeMap, HashMap};

use axum::response::Response;
use maud::{Markup, html};
use report_query::activity::columns as c;
use report_query::{Expand, Query, Snapshot, arg_max, col, count, item};

use super::columns::{Column, Order};
use super::context::{Context, Row};
use super::failure::Failure;
use super::field::{Field, Op};
use super::filter::Filter;
use super::layout::{Place, icon, said, source};
use super::numbers::grouped;
use super::params::{BadParameter, Pairs};
use super::rows::{Table, needed};
use super::text;
use super::view::View;

/// People that a search lists.
const LISTED: usize = 50;
/// Rows of a person's page; the log has all.
const ROWS: u64 = 25;

/// What one source knows of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Identity {
    source: String,
    /// What tells the person apart: id, else UPN, else account, else name.
    stable: String,
    id: Option<String>,
    name: Option<String>,
    account: Option<String>,
    upn: Option<String>,
    /// The last one that MIM gave the user, where a request that is kept did.
    mail: Option<String>,
    rows: u64,
}

const MIM: &str = "identity_manager";

/// How an identity came to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Joined {
    /// It is the one that was asked for.
    Asked,
    /// The same UPN on both sides, and nobody else's.
    Upn,
    /// MIM's mail address is the cloud's UPN, and nobody else's of either.
    Mail,
}

/// The key of a person in addresses. Never the name or UPN: addresses end in logs.
pub fn key_of(context: &Context, names: [&Option<String>; 4]) -> Option<String> {
    let stable = names.into_iter().flatten().find(|name| !name.is_empty())?;
    Some(key(context, stable))
}

fn key(context: &Context, stable: &str) -> String {
    // Without the right to see people the ids of the store are the keys.
    if context.reader.rights.persons {
        context.reader.tenant.person_key(stable)
    } else {
        stable.to_owned()
    }
}

/// All identities: whoever acted, and whoever something was done to.
fn identities(context: &Context, snapshot: &Snapshot) -> Result<Vec<Identity>, Failure> {
    let acted = Query::new()
        .filter(c::ACTOR_KIND.eq("user"))
        .group_by([
            c::SOURCE,
            c::ACTOR_ID.alias("id"),
            c::ACTOR_NAME.alias("name"),
            c::ACTOR_ACCOUNT.alias("account"),
            c::ACTOR_UPN.alias("upn"),
        ])
        .aggregate([count().alias("rows")]);
    let target = |name: &'static str| col("target").field(name).alias(name);
    let suffered = Query::new()
        .select([c::SOURCE, c::TARGETS])
        .expand(Expand::new("targets").alias("target"))
        .filter(col("target").field("type").eq("User"))
        .group_by([
            c::SOURCE,
            target("id"),
            target("name"),
            target("account"),
            target("upn"),
        ])
        .aggregate([count().alias("rows")]);
    let mut found: BTreeMap<(String, String), Identity> = BTreeMap::new();
    for query in [acted, suffered] {
        let result = context.run(&query, snapshot)?;
        for row in Row::all(&result) {
            let value = |name: &str| row.text(name).filter(|text| !text.is_empty());
            let Some(stable) = ["id", "upn", "account", "name"].into_iter().find_map(value) else {
                continue;
            };
            if stable == "00000000-0000-0000-0000-000000000000" {
                continue;
            }
            let source = row.text("source").unwrap_or_default();
            let identity = found
                .entry((source.to_owned(), stable.to_lowercase()))
                .or_insert_with(|| Identity {
                    source: source.to_owned(),
                    stable: stable.to_owned(),
                    ..Identity::default()
                });
            let fill = |kept: &mut Option<String>, name: &str| {
                if kept.is_none() {
                    *kept = value(name).map(str::to_owned);
                }
            };
            fill(&mut identity.id, "id");
            fill(&mut identity.name, "name");
            fill(&mut identity.account, "account");
            fill(&mut identity.upn, "upn");
            identity.rows += row.number("rows");
        }
    }
    let mails = context.run(&mails(), snapshot)?;
    let mails: HashMap<&str, &str> = Row::all(&mails)
        .filter_map(|row| Some((row.text("user")?, row.text("mail")?)))
        .collect();
    for ((source, stable), identity) in &mut found {
        let mail = mails.get(&**stable).filter(|_| source == MIM);
        identity.mail = mail.map(|mail| (*mail).to_owned());
    }
    Ok(found.into_values().collect())
}

/// The mail address that MIM's users were given last, by what tells them apart.
fn mails() -> Query {
    Query::new()
        .filter(c::SOURCE.eq(MIM))
        .filter(c::RESULT.eq("success"))
        .filter(c::TARGET_TYPES.any(item().eq("User")))
        .select([c::TIME, c::PERSON_KEY.alias("user"), c::CHANGES])
        .expand(Expand::new("changes").alias("change"))
        .filter(col("change").field("property").eq("Email"))
        .group_by(["user"])
        .aggregate([arg_max(col("change").field("new"), col("time")).alias("mail")])
}

impl Identity {
    fn shown(&self) -> &str {
        [&self.name, &self.account, &self.upn]
            .into_iter()
            .flatten()
            .next()
            .unwrap_or(&self.stable)
    }

    fn is_called(&self, needle: &str) -> bool {
        let ways = [&self.id, &self.name, &self.account, &self.upn];
        ways.into_iter()
            .flatten()
            .any(|way| way.to_lowercase().contains(needle))
    }
}

pub async fn list(context: Context) -> Response {
    context.answer(draw_list).await
}

fn draw_list(context: &Context) -> Result<Response, Failure> {
    context.only(&["q"])?;
    let needle = context.pairs.single("q")?.unwrap_or_default();
    if needle.chars().count() > 500 {
        return Err(BadParameter::new("q", "is longer than 500 characters").into());
    }
    let lower = needle.to_lowercase();
    let mut people = identities(context, &context.snapshot())?;
    people.retain(|person| person.is_called(&lower));
    people.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.stable.cmp(&b.stable)));
    let all = people.len();
    people.truncate(LISTED);
    let body = html! {
        div.head {
            h1 { "People" }
            p.lead { "Whoever did something, or had something done to them. " @if !context.reader.rights.persons { "Names need the right " code { "persons" } "; here are pseudonyms." } }
        }
        div.qbar {
            form.search #search role="search" aria-label="People" action="/people" {
                @if let Some(tz) = context.tz() { input type="hidden" name="tz" value=(tz); }
                label.vh for="q" { "Find a person by name, account, UPN or id" }
                (icon("find"))
                input.inp #q name="q" type="search" autocomplete="off" maxlength="500" value=(needle) placeholder="Name, account, UPN or id";
                kbd aria-hidden="true" { "/" }
            }
            button.btn.primary type="submit" form="search" { "Search" }
        }
        @if people.is_empty() {
            (said("ppl", "Nobody found", html! { p { "Nobody of that name did anything, or had anything done to them, in what is kept." } p.row { a.btn href=(context.keeping_zone("/people")) { "All people" } } }))
        } @else {
            section.card aria-labelledby="t-h" {
                h2.vh #t-h { "People" }
                div.tbl-top { p.tot { b { (grouped(all as u64)) } " identities" @if all > LISTED { ", the " (LISTED) " with most activity shown" } } }
                div.scroll tabindex="0" role="region" aria-label="Rows, may be scrolled sideways" {
                    table.t {
                        thead { tr { th scope="col" { "Name" } th scope="col" { "Account" } th scope="col" { "UPN" } th scope="col" { "Source" } th.num scope="col" { "Mentions" } } }
                        tbody {
                            @for person in &people {
                                tr {
                                    td.act { a href=(context.keeping_zone(&format!("/people/{}", key(context, &person.stable)))) { (text::value(person.shown())) } }
                                    td { (super::rows::or_none(person.account.as_deref())) }
                                    td { (super::rows::or_none(person.upn.as_deref())) }
                                    td { (source(&person.source)) }
                                    td.num { (grouped(person.rows)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(context.page(Place::People, "People", body))
}

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

/// The tabs: what of a person is listed.
const TABS: [(&str, &str); 4] = [
    ("did", "Did"),
    ("done", "Done to them"),
    ("groups", "Groups"),
    ("methods", "Methods"),
];

fn draw(context: &Context) -> Result<Response, Failure> {
    context.only(&["tab"])?;
    let tab = context.pairs.single("tab")?.unwrap_or("did");
    if !TABS.iter().any(|(name, _)| *name == tab) {
        return Err(BadParameter::new("tab", "must be did, done, groups or methods").into());
    }
    let asked = context.path.split('/').nth(2).unwrap_or_default();
    let snapshot = context.snapshot();
    let people = identities(context, &snapshot)?;
    let person = people
        .iter()
        .find(|person| key(context, &person.stable) == asked)
        .ok_or(Failure::NotFound)?;
    context.reader.note("person", asked);
    let (joined, why_not) = join(person, &people);
    let page = Person {
        context,
        snapshot: &snapshot,
        ids: &joined,
        asked,
        tab,
    };
    page.draw(person, why_not)
}

/// The identities that are the same person's: by the first rule that finds exactly one on each side.
/// Names, the part before the @, and guests' mangled UPNs say nothing.
fn join(person: &Identity, people: &[Identity]) -> (Vec<(Identity, Joined)>, Option<String>) {
    let mut joined = vec![(person.clone(), Joined::Asked)];
    let lower = |text: &Option<String>| text.as_deref().map(str::to_lowercase);
    let is_guest = |name: &String| name.contains("#ext#");
    let upn = lower(&person.upn);
    if upn.as_ref().is_some_and(is_guest) {
        let why = "Not joined: a guest's UPN is not the one of the home directory.";
        return (joined, Some(why.to_owned()));
    }
    let is_mim = |identity: &Identity| identity.source == MIM;
    let found = |of_mim: bool, name: &String, of: &dyn Fn(&Identity) -> &Option<String>| {
        let of_side = people.iter().filter(|other| is_mim(other) == of_mim);
        let found = of_side.filter(|other| lower(of(other)).as_ref() == Some(name));
        found.collect::<Vec<_>>()
    };
    let side = is_mim(person);
    let mut why_not =
        "Not joined: this identity has no UPN, and names alone are no proof.".to_owned();
    if let Some(upn) = &upn {
        let of_upn = |of_mim: bool| found(of_mim, upn, &|identity| &identity.upn);
        let (ours, theirs) = (of_upn(side), of_upn(!side));
        why_not = match (ours.len(), theirs.len()) {
            (1, 1) => {
                let theirs = theirs.into_iter().cloned();
                joined.extend(theirs.map(|other| (other, Joined::Upn)));
                return (joined, None);
            }
            (1, 0) => "Nobody on the other side has this UPN.".to_owned(),
            (1, many) => format!("Not joined: {many} accounts of the other side have this UPN."),
            (many, _) => format!("Not joined: {many} accounts of this side have this UPN."),
        };
    }
    let address = if side { lower(&person.mail) } else { upn };
    if let Some(address) = address.filter(|address| !address.is_empty() && !is_guest(address)) {
        let mails = found(true, &address, &|identity| &identity.mail);
        let upns = found(false, &address, &|identity| &identity.upn);
        if let ([mim], [cloud]) = (&mails[..], &upns[..]) {
            let other = Identity::clone(if side { cloud } else { mim });
            joined.push((other, Joined::Mail));
            return (joined, None);
        }
    }
    (joined, Some(why_not))
}

struct Person<'a> {
    context: &'a Context,
    snapshot: &'a Snapshot,
    ids: &'a [(Identity, Joined)],
    asked: &'a str,
    tab: &'a str,
}

impl Person<'_> {
    /// The filter of the log for what somebody did or what was done to them.
    fn filter(&self, field: Field) -> Filter {
        self.ids.iter().fold(
            Filter::default().during(self.context.all_kept()),
            |filter, (identity, _)| filter.with(field, Op::Is, identity.stable.clone()),
        )
    }

    fn groups(&self) -> Filter {
        ["member.add", "member.remove"]
            .into_iter()
            .fold(self.filter(Field::Target), |filter, kind| {
                filter.with(Field::Kind, Op::Is, kind)
            })
    }

    fn methods(&self) -> Filter {
        let kinds = [
            "method.registered",
            "method.updated",
            "method.deleted",
            "sspr.registered",
            "sspr.unregistered",
            "password.reset.self",
            "password.reset.admin",
        ];
        kinds
            .into_iter()
            .fold(self.filter(Field::Target), |filter, kind| {
                filter.with(Field::Kind, Op::Is, kind)
            })
    }

    fn view(&self, filter: Filter) -> View {
        View {
            filter,
            columns: Column::DEFAULT.to_vec(),
            order: Order::default(),
            zone: self.context.tz().and_then(super::time::zone),
            ..View::default()
        }
    }

    fn tab(&self, tab: &str) -> String {
        let mut pairs = Pairs::default().with("tab", tab);
        if let Some(tz) = self.context.tz() {
            pairs.add("tz", tz);
        }
        pairs.link(&format!("/people/{}", self.asked))
    }

    fn count(&self, filter: &Filter) -> Result<u64, Failure> {
        self.context
            .count(filter.query(&self.context.clock), self.snapshot)
    }

    fn draw(&self, person: &Identity, why_not: Option<String>) -> Result<Response, Failure> {
        let (did, done, groups, methods) = (
            self.filter(Field::InitiatedBy),
            self.filter(Field::Target),
            self.groups(),
            self.methods(),
        );
        let (chosen, heading) = match self.tab {
            "done" => (&done, "Done to them"),
            "groups" => (&groups, "Groups joined and left"),
            "methods" => (&methods, "Methods and resets"),
            _ => (&did, "Did"),
        };
        let view = self.view(chosen.clone());
        let rows = chosen
            .query(&self.context.clock)
            .sort(view.order.keys())
            .limit(ROWS)
            .select(needed());
        let rows = self.context.run(&rows, self.snapshot)?;
        let (all_did, all_done) = (self.count(&did)?, self.count(&done)?);
        let changes = [
            ("member.add", "times added to a group"),
            ("member.remove", "times removed from a group"),
        ];
        let mut counted = Vec::new();
        for (kind, label) in changes {
            let filter = self.filter(Field::Target).with(Field::Kind, Op::Is, kind);
            counted.push((self.count(&filter)?, filter, label));
        }
        let total = match self.tab {
            "done" => all_done,
            "groups" => counted.iter().map(|(rows, ..)| rows).sum(),
            "methods" => self.count(chosen)?,
            _ => all_did,
        };
        let table = Table {
            view: &view,
            clock: &self.context.clock,
            density: self.context.density,
            heading: "t-h",
            sorts: false,
        };
        let name = person.shown();
        let body = html! {
            p.crumb { a href=(self.context.keeping_zone("/people")) { "People" } span aria-hidden="true" { "/" } span { (text::value(name)) } }
            div.head { h1 { (text::value(name)) } }
            div.stack {
                (self.identities(why_not))
                section.card { div.body { div.facts {
                    @for (filter, rows, label) in [(&did, all_did, "did"), (&done, all_done, "were done to them")] {
                        div { b { a href=(self.view(filter.clone()).link()) { (grouped(rows)) } } span { (label) } }
                    }
                    @for (rows, filter, label) in &counted {
                        div { b { a href=(self.view(filter.clone()).link()) { (grouped(*rows)) } } span { (label) } }
                    }
                } } }
                section.card aria-labelledby="t-h" {
                    div.tbl-top {
                        h2 #t-h { (heading) }
                        div.right {
                            nav.seg aria-label="What is listed" {
                                @for (tab, label) in TABS {
                                    a href=(self.tab(tab)) aria-current=[(tab == self.tab).then_some("true")] { (label) }
                                }
                            }
                        }
                    }
                    @if rows.is_empty() { div.empty { p { "Nothing in what is kept." } } }
                    @else {
                        (table.draw(&rows))
                        div.pager { span { (grouped(rows.len() as u64)) " of " (grouped(total)) } div.right { a.btn href=(view.link()) { "All in the log" } } }
                    }
                }
            }
        };
        // The title ends in histories of browsers: no name.
        Ok(self.context.page(Place::People, "A person", body))
    }

    fn identities(&self, why_not: Option<String>) -> Markup {
        html! {
            section.card aria-labelledby="s-ids" {
                header { h2 #s-ids { "Identities" } }
                div.body {
                    div.scroll tabindex="0" role="region" aria-label="Identities, may be scrolled sideways" {
                        table.mini {
                            thead { tr { th scope="col" { "Source" } th scope="col" { "Name" } th scope="col" { "Account" } th scope="col" { "UPN" } th scope="col" { "Id" } th scope="col" { "Joined by" } } }
                            tbody {
                                @for (identity, how) in self.ids {
                                    tr {
                                        th scope="row" { (source(&identity.source)) }
                                        td { (super::rows::or_none(identity.name.as_deref())) }
                                        td { (super::rows::or_none(identity.account.as_deref())) }
                                        td { (super::rows::or_none(identity.upn.as_deref())) }
                                        td { code { (super::rows::or_none(identity.id.as_deref())) } }
                                        td { @match how { Joined::Asked => "this page", Joined::Upn => "the same UPN on both sides, nobody else's", Joined::Mail => "weak: MIM's mail address is the cloud's UPN" } }
                                    }
                                }
                            }
                        }
                    }
                    @if let Some(why) = why_not { p.foot-note { (why) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mim_events::activity::{Activity, Change, Outcome, Source, Target, kinds};
    use report_query::activity::ActivityStore;
    use report_query::{Retention, asc};

    use super::*;

    fn identity(source: &str, stable: &str, upn: Option<&str>) -> Identity {
        Identity {
            source: source.to_owned(),
            stable: stable.to_owned(),
            upn: upn.map(str::to_owned),
            ..Identity::default()
        }
    }

    #[test]
    fn two_sides_are_joined_by_one_upn_and_by_nothing_else() {
        let here = identity("identity_manager", "a", Some("Dana@contoso.example"));
        let there = identity("entra", "b", Some("dana@contoso.example"));
        let twin = identity("entra", "c", Some("DANA@contoso.example"));
        let bare = identity("entra", "d", None);
        let (joined, why) = join(&here, &[here.clone(), there.clone(), bare.clone()]);
        assert_eq!(joined.len(), 2);
        assert_eq!(why, None);
        let (joined, why) = join(&here, &[here.clone(), there.clone(), twin.clone()]);
        assert_eq!(joined.len(), 1);
        assert!(why.unwrap().contains("2 accounts"));
        let (joined, why) = join(&twin, &[here.clone(), there, twin.clone()]);
        assert_eq!(joined.len(), 1);
        assert!(why.unwrap().contains("of this side"));
        assert!(
            join(&bare, &[here, bare.clone()])
                .1
                .unwrap()
                .contains("no UPN")
        );
    }

    #[test]
    fn a_mail_address_joins_where_the_upn_does_not() {
        let mut here = identity("identity_manager", "a", Some("DANA@harbor.local"));
        here.mail = Some("dana@contoso.example".to_owned());
        let there = identity("entra", "b", Some("Dana@contoso.example"));
        for (person, other) in [(&here, &there), (&there, &here)] {
            let (joined, why) = join(person, &[here.clone(), there.clone()]);
            assert_eq!(joined[1..], [(other.clone(), Joined::Mail)]);
            assert_eq!(why, None);
        }
        // Shared by two of MIM, or of the cloud.
        let mut twin = here.clone();
        twin.stable = "c".to_owned();
        assert_eq!(
            join(&there, &[here.clone(), there.clone(), twin]).0.len(),
            1
        );
        let double = identity("entra", "d", Some("dana@contoso.example"));
        assert_eq!(
            join(&here, &[here.clone(), there.clone(), double]).0.len(),
            1
        );
        // The UPN goes before it.
        let same = identity("entra", "e", Some("dana@harbor.local"));
        let (joined, _) = join(&here, &[here.clone(), there, same.clone()]);
        assert_eq!(joined[1..], [(same, Joined::Upn)]);
        // A guest's is that of another directory.
        here.upn = None;
        here.mail = Some("dana_x#EXT#@contoso.example".to_owned());
        let guest = identity("entra", "g", here.mail.as_deref());
        assert_eq!(join(&here, &[here.clone(), guest]).0.len(), 1);
    }

    #[test]
    fn the_mail_address_is_the_last_that_mim_gave() -> anyhow::Result<()> {
        let store = ActivityStore::new(Retention::days(30));
        let now = chrono::Utc::now();
        let given = |minutes: i64, id: &str, mail: &str, result: Outcome| {
            let time = now - chrono::TimeDelta::minutes(minutes);
            let (id_of_row, kind) = (uuid::Uuid::new_v4(), kinds::USER_UPDATE);
            let mim = Source::IdentityManager;
            let mut activity = Activity::new(id_of_row, time, mim, kind, "Update user");
            activity.result = result;
            let mut user = Target::default();
            user.object_type = "User".to_owned();
            user.id = Some(id.to_owned());
            activity.targets.push(user);
            for (property, new) in [("Email", mail), ("City", "x")] {
                let mut change = Change::default();
                change.property = property.to_owned();
                change.new = Some(new.to_owned());
                activity.changes.push(change);
            }
            activity
        };
        let activities = [
            given(1, "A", "last@x.test", Outcome::Success),
            given(2, "A", "first@x.test", Outcome::Success),
            given(0, "A", "refused@x.test", Outcome::Denied),
            given(3, "b", "b@x.test", Outcome::Success),
        ];
        store.append(activities, now);
        let result = mails().sort([asc("user")]).run(&store.snapshot())?;
        let rows: Vec<_> = Row::all(&result)
            .map(|row| [row.text("user"), row.text("mail")].map(|text| text.map(str::to_owned)))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                [some("a"), some("last@x.test")],
                [some("b"), some("b@x.test")]
            ]
        );
        Ok(())
    }
}
