//! What a template does to an event, without its elements: which value goes
//! where.
//!
//! Nearly every record is one instance of a template whose `System` holds each
//! part once and whose event data is a list of `Data`. Such a template becomes
//! a plan: literals already in place, and for the rest the numbers of values.
//! Any other template has no plan, and its operations are carried out one by one.

use super::binxml::{Name, Value};
use super::collector::{
    Collector, LITERAL, MAX_ITEMS, Span, System, Target, User, attribute_target, content_target,
    literal_text, system_element,
};
use super::filter::{LogFilter, Reason};
use super::shape::Shape;
use super::template::Operation;
use super::value::{BINXML, NULL, STRING_ARRAY};

/// Texts of all plans take at most this; those of real logs take some KB.
const MAX_LITERALS: usize = 1 << 20;

/// The plans of templates; they don't depend on the chunk that a template was found in.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    plans: Vec<Plan>,
    /// The texts that stand in templates.
    literals: Vec<u8>,
    /// How often the plans were forgotten.
    generation: u32,
    /// Used while a plan is made, for its literals.
    collector: Collector,
}

/// What a template does to an event.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Whether it is a whole event; else the event data only.
    pub(crate) is_event: bool,
    /// What the literals of `System` say.
    pub(crate) system: System,
    /// First those that a filter tests.
    pub(crate) fields: Vec<Field>,
    pub(crate) tested: usize,
    pub(crate) data: Vec<Entry>,
    /// Whether no value is put out twice, so that the data are no more than the record.
    pub(crate) is_simple: bool,
    /// What else stands in the event data and beside it.
    pub(crate) others: Vec<Other>,
    /// The value without which `data` is left out.
    pub(crate) data_dependency: Option<u16>,
    /// The value that is a fragment with the event data.
    pub(crate) fragment: Option<u16>,
    /// What it takes to decode the literals of `System`, in steps.
    pub(crate) cost: u32,
    /// Whether provider and channel are the same for all events.
    pub(crate) literal_names: [bool; 2],
    /// Why the filter wants no event with these names.
    pub(crate) rejected: Option<Reason>,
    /// Whether it is nothing but event data, each value put out once and in order.
    pub(crate) is_straight: bool,
    /// Whether it has no event data and nothing beside them but a fragment.
    pub(crate) is_bare: bool,
    pub(crate) shape: Shape,
}

/// A part of `System` that is a value of the instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) target: Target,
    /// It is left out when this value is null.
    pub(crate) dependency: Option<u16>,
    pub(crate) slot: u16,
}

/// A `Data` element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) dependency: Option<u16>,
    /// Its range in the literals.
    pub(crate) name: Option<Span>,
    pub(crate) content: Option<u16>,
}

/// An element that is no `Data`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Other {
    pub(crate) dependency: Option<u16>,
    /// A `Binary`, with what it holds; else content that an event does not give.
    pub(crate) binary: Option<Option<u16>>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Literal(Value),
    Slot(u16),
}

/// Null, or a fragment without a byte.
pub(crate) fn is_null(value: Value) -> bool {
    value.kind == NULL || (value.kind == BINXML && value.start == value.end)
}

/// Whether what depends on this value is left out. A number past the values
/// stands for nothing.
#[inline]
pub(crate) fn is_left_out(values: &[Value], dependency: Option<u16>) -> bool {
    dependency
        .and_then(|id| values.get(usize::from(id)))
        .is_some_and(|&value| is_null(value))
}

/// The value of this number, unless it is null.
#[inline]
pub(crate) fn value_of(values: &[Value], slot: u16) -> Option<Value> {
    let value = values.get(usize::from(slot)).copied();
    value.filter(|&value| !is_null(value))
}

impl Entry {
    /// One more than the number of the value; 0 without one.
    fn slot(&self) -> u32 {
        self.content.map_or(0, |slot| u32::from(slot) + 1)
    }

    /// The value of a `Data` element; `None` if the element is left out.
    #[allow(
        clippy::option_option,
        reason = "no element, and an element without a value"
    )]
    #[inline]
    pub(crate) fn value(&self, values: &[Value]) -> Option<Option<Value>> {
        if is_left_out(values, self.dependency) {
            return None;
        }
        Some(self.content.and_then(|slot| value_of(values, slot)))
    }
}

impl Plan {
    /// What it costs to put these values out as event data, in steps; `None` if
    /// they hold what a plan does not foresee. Nothing is looked at again when
    /// the data are asked for, so all that can be wrong is found here.
    pub(crate) fn data_cost(&self, chunk: &[u8], values: &[Value]) -> Option<u32> {
        let mut steps = 0_u32;
        let mut items = 0;
        for entry in &self.data {
            let Some(Some(value)) = entry.value(values) else {
                items += 1;
                steps = steps.saturating_add(1);
                continue;
            };
            if !value.is_plain(chunk) {
                return None;
            }
            let length = value.end - value.start;
            items += match value.kind {
                STRING_ARRAY => 1 + length as usize / 2,
                _ => 1,
            };
            steps = steps.saturating_add(value.cost());
        }
        (items <= MAX_ITEMS).then_some(steps)
    }
}

impl Plans {
    pub(crate) fn clear(&mut self) {
        self.plans.clear();
        self.literals.clear();
        self.generation = self.generation.wrapping_add(1);
    }

    /// While it is the same, so are the literals.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn len(&self) -> usize {
        self.plans.len()
    }

    /// Whether the texts of more templates may find no room.
    pub(crate) fn are_full(&self) -> bool {
        self.literals.len() > MAX_LITERALS / 2
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&Plan> {
        self.plans.get(number as usize)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<(&mut Plan, &[u8])> {
        let plan = self.plans.get_mut(number as usize)?;
        Some((plan, &self.literals))
    }

    /// The texts of all plans.
    #[inline]
    pub(crate) fn literals(&self) -> &[u8] {
        &self.literals
    }

    /// Moves the texts of a plan from the chunk to the literals; `None` if they
    /// are too much.
    fn keep_texts(&mut self, chunk: &[u8], plan: &mut Plan) -> Option<()> {
        let literals = &mut self.literals;
        let mut keep = |(from, to): &mut Span| {
            let bytes = chunk.get(*from as usize..*to as usize)?;
            *from = literals.len() as u32;
            literals.extend_from_slice(bytes);
            *to = literals.len() as u32;
            (literals.len() <= MAX_LITERALS).then_some(())
        };
        for entry in &mut plan.data {
            if let Some(name) = &mut entry.name {
                keep(name)?;
            }
        }
        let system = &mut plan.system;
        let user = system.user.as_mut().map(|user| match user {
            User::Sid(span) | User::Text(span) => span,
        });
        for span in [
            &mut system.provider,
            &mut system.channel,
            &mut system.computer,
        ]
        .into_iter()
        .chain(user)
        {
            keep(span)?;
            plan.cost += (span.1 - span.0) / 16;
            span.0 |= LITERAL;
        }
        Some(())
    }

    /// Makes the plan of a template and returns its number; `None` if its
    /// shape does not allow one.
    pub(crate) fn add(
        &mut self,
        chunk: &[u8],
        operations: &[Operation],
        filter: &LogFilter,
    ) -> Option<u32> {
        self.collector.begin(0);
        let mut planner = Planner {
            chunk,
            collector: &mut self.collector,
            plan: Plan::default(),
            literal_names: [false; 2],
            depth: 0,
            outer: 0,
            section: Section::None,
            seen_system: false,
            seen_data: false,
            element: Target::Nothing,
            dependency: None,
            target: Target::Nothing,
            seen: Vec::new(),
            name: None,
            content: None,
        };
        for operation in operations {
            planner.take(operation)?;
        }
        let [provider, channel] = planner.literal_names;
        let mut plan = planner.plan;
        plan.literal_names = [provider, channel];
        plan.system = self.collector.system;
        plan.fields.sort_by_key(|field| !field.target.is_tested());
        plan.tested = plan
            .fields
            .partition_point(|field| field.target.is_tested());
        plan.is_simple = plan.data.windows(2).all(|pair| match pair {
            [a, b] => a.slot() < b.slot(),
            _ => true,
        });
        plan.is_straight = plan.is_simple
            && !plan.data.is_empty()
            && plan.others.is_empty()
            && plan.data_dependency.is_none();
        plan.is_bare = plan.data.is_empty() && plan.others.is_empty();
        if plan.is_event {
            plan.rejected = filter.rejects_names(
                provider.then(|| plan.system.provider(chunk, &[])),
                channel.then(|| plan.system.channel(chunk, &[])),
            );
        }
        let kept = self.literals.len();
        if self.keep_texts(chunk, &mut plan).is_none() {
            self.literals.truncate(kept);
            return None;
        }
        self.plans.push(plan);
        u32::try_from(self.plans.len() - 1).ok()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    None,
    System,
    EventData,
}

/// Follows a template's operations as [`Collector`] follows an event's.
struct Planner<'a> {
    chunk: &'a [u8],
    collector: &'a mut Collector,
    plan: Plan,
    /// Whether provider and channel are the same for all events.
    literal_names: [bool; 2],
    depth: u32,
    /// 1 where the template is event data, which stands in an event.
    outer: u32,
    section: Section,
    seen_system: bool,
    seen_data: bool,
    /// The element of `System` or the event data that is open.
    element: Target,
    dependency: Option<u16>,
    target: Target,
    /// Parts of `System` that had a value.
    seen: Vec<Target>,
    name: Option<Span>,
    content: Option<u16>,
}

impl Planner<'_> {
    fn take(&mut self, operation: &Operation) -> Option<()> {
        match *operation {
            Operation::Open {
                name, dependency, ..
            } => self.open(name, dependency),
            Operation::Attribute(name) => {
                self.turn_to(attribute_target(self.element, name));
                Some(())
            }
            Operation::Content => {
                self.turn_to(content_target(self.element));
                Some(())
            }
            Operation::Close => {
                self.close();
                Some(())
            }
            Operation::Literal(value) => self.value(Source::Literal(value)),
            Operation::Slot(id) => self.value(Source::Slot(id)),
            Operation::Character(_) => (self.target == Target::Nothing).then_some(()),
        }
    }

    /// What comes next is this, if it stands where parts do.
    fn turn_to(&mut self, target: Target) {
        let is_part = self.depth + self.outer == 3;
        self.target = if is_part { target } else { Target::Nothing };
    }

    fn open(&mut self, name: Name, dependency: Option<u16>) -> Option<()> {
        self.depth += 1;
        self.target = Target::Nothing;
        match (self.depth + self.outer, name) {
            // A root is never left out.
            (1, Name::Event) => self.plan.is_event = true,
            (1, Name::EventData) => {
                self.outer = 1;
                self.section = Section::EventData;
            }
            (1, Name::System) => return None,
            (1, name) => {
                self.outer = 1;
                if name != Name::RenderingInfo {
                    self.other(None);
                }
            }
            (2, Name::System) => {
                if self.seen_system || self.seen_data || dependency.is_some() {
                    return None;
                }
                self.seen_system = true;
                self.section = Section::System;
            }
            (2, Name::EventData) => {
                // What stands before it would be left out with the data.
                let apart = dependency.is_some() && !self.plan.others.is_empty();
                if self.seen_data || self.plan.fragment.is_some() || apart {
                    return None;
                }
                self.seen_data = true;
                self.plan.data_dependency = dependency;
                self.section = Section::EventData;
            }
            (2, Name::RenderingInfo) => {}
            (2, _) => {
                if self.plan.data_dependency.is_some() {
                    return None;
                }
                self.other(dependency);
            }
            (3, name) => {
                self.dependency = dependency;
                self.name = None;
                self.content = None;
                self.element = match (self.section, name) {
                    (Section::System, name) => system_element(name),
                    (Section::EventData, Name::Data) => Target::DataValue,
                    (Section::EventData, Name::Binary) => Target::Binary,
                    (Section::EventData, _) => {
                        self.other(dependency);
                        Target::Nothing
                    }
                    (Section::None, _) => Target::Nothing,
                };
            }
            (4, _) if self.element != Target::Nothing => return None,
            _ => {}
        }
        Some(())
    }

    fn close(&mut self) {
        match self.depth + self.outer {
            3 => {
                match self.element {
                    Target::DataValue => self.plan.data.push(Entry {
                        dependency: self.dependency,
                        name: self.name,
                        content: self.content,
                    }),
                    Target::Binary => self.plan.others.push(Other {
                        dependency: self.dependency,
                        binary: Some(self.content),
                    }),
                    _ => {}
                }
                self.element = Target::Nothing;
            }
            2 if self.outer == 0 => self.section = Section::None,
            _ => {}
        }
        self.depth = self.depth.saturating_sub(1);
        self.target = Target::Nothing;
    }

    fn other(&mut self, dependency: Option<u16>) {
        self.plan.others.push(Other {
            dependency,
            binary: None,
        });
    }

    fn value(&mut self, source: Source) -> Option<()> {
        match (self.target, source) {
            (Target::Nothing, Source::Slot(id)) => {
                // Directly in the event: the place of classic events' data.
                if self.depth + self.outer == 1 {
                    if self.plan.fragment.is_some() || self.seen_data {
                        return None;
                    }
                    self.plan.fragment = Some(id);
                }
            }
            (Target::Nothing, Source::Literal(_)) => {}
            (Target::DataName, Source::Literal(value)) => {
                if self.name.is_some() {
                    return None;
                }
                self.name = literal_text(self.chunk, value)?;
            }
            (Target::DataName, Source::Slot(_)) => return None,
            (Target::DataValue | Target::Binary, Source::Slot(id)) => {
                if self.content.replace(id).is_some() {
                    return None;
                }
            }
            // No provider was seen whose data are the same in every event.
            (Target::DataValue | Target::Binary, Source::Literal(_)) => return None,
            (target, source) => {
                if self.seen.contains(&target) {
                    return None;
                }
                self.seen.push(target);
                match source {
                    Source::Slot(slot) => self.plan.fields.push(Field {
                        target,
                        dependency: self.dependency,
                        slot,
                    }),
                    Source::Literal(_) if self.dependency.is_some() => return None,
                    Source::Literal(value) => {
                        self.collector.field(target, self.chunk, value).ok()?;
                        match target {
                            Target::Provider => self.literal_names[0] = true,
                            Target::Channel => self.literal_names[1] = true,
                            _ => {}
                        }
                    }
                }
            }
        }
        Some(())
    }
}
