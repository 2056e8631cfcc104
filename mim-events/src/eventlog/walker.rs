//! Lane one: the walk through a record, with the templates of its chunk.
//!
//! A template definition is read at most once a chunk; a record is then its values put
//! where the template's plan says, or through its operations where there is no
//! plan. Every loop is bounded by the bytes at hand or by the chunk's budget of
//! steps, nesting by a constant.

use super::binxml::{self, Instance, Name, Sink, Stop, Value};
use super::collector::{Closed, Collector, Span};
use super::data::Straight;
use super::event::EventData;
use super::filter::LogFilter;
use super::plan::{Field, Plans, is_left_out, is_null, value_of};
use super::template::{Operation, Template, Templates};
use super::value::BINXML;

/// Fragments and instances in fragments may nest this deep; real ones need 2.
const MAX_NESTING: u32 = 16;

/// The reader of records, and what it knows of the current chunk.
#[derive(Debug, Default)]
pub(crate) struct Walker {
    templates: Templates,
    /// The values of the instances that are being walked, outermost first.
    values: Vec<Value>,
    /// The plan that holds the event data of the record that was read.
    data: Option<u32>,
    /// Where the descriptors of the event data are, if their values were not gathered.
    straight: Option<Span>,
}

impl Walker {
    /// Forgets the chunk before.
    pub(crate) fn begin_chunk(&mut self) {
        self.templates.begin_chunk();
    }

    pub(crate) fn plans(&self) -> &Plans {
        &self.templates.plans
    }

    /// To be called when the filter is another one.
    pub(crate) fn forget_filter(&mut self) {
        self.templates.forget();
    }

    /// Reads the record content `chunk[start..end]` into `out`. `header_id`
    /// stands in for an `EventRecordID` that is not there.
    #[inline]
    pub(crate) fn walk(
        &mut self,
        chunk: &[u8],
        (start, end): (usize, usize),
        header_id: u64,
        filter: &LogFilter,
        out: &mut Collector,
    ) -> Result<(), Stop> {
        self.values.clear();
        self.data = None;
        self.straight = None;
        if self.by_plan(chunk, (start, end), header_id, filter, out)? {
            return Ok(());
        }
        self.by_tokens(chunk, (start, end), header_id, filter, out)
    }

    /// Reads any record, token by token.
    #[inline(never)]
    fn by_tokens(
        &mut self,
        chunk: &[u8],
        (start, end): (usize, usize),
        header_id: u64,
        filter: &LogFilter,
        out: &mut Collector,
    ) -> Result<(), Stop> {
        self.values.clear();
        self.data = None;
        out.begin(header_id);
        let mut run = Run {
            chunk,
            walker: self,
            filter,
            out,
            nesting: 0,
            tested: false,
        };
        binxml::walk(chunk, start, end, false, &mut run)?;
        if run.tested { Ok(()) } else { run.test() }
    }

    fn step(&mut self, count: u32) -> Result<(), Stop> {
        self.templates.budget.step(count)
    }

    /// Reads a record that is one instance of a template with a plan; `false`
    /// if it is not, or holds what a plan does not foresee.
    fn by_plan(
        &mut self,
        chunk: &[u8],
        content: (usize, usize),
        header_id: u64,
        filter: &LogFilter,
        out: &mut Collector,
    ) -> Result<bool, Stop> {
        let Some(instance) = binxml::sole_instance(chunk, content) else {
            return Ok(false);
        };
        let templates = &mut self.templates;
        let Some(number) = templates.plan(chunk, instance.definition, filter) else {
            return Ok(false);
        };
        let bytes = (content.1 - content.0) / 32 + instance.count();
        let Some((plan, literals)) = templates.plans.get_mut(number) else {
            return Ok(false);
        };
        templates.budget.step(bytes as u32 + plan.cost)?;
        if !plan.is_event {
            return Ok(false);
        }
        if let Some(reason) = plan.rejected {
            return Err(Stop::Rejected(reason));
        }
        out.begin_planned(header_id, plan.system);
        let by_shape = match instance.descriptors(chunk) {
            Some(all) if plan.is_bare => plan.shape.read(
                (&plan.fields, plan.fragment),
                (chunk, instance.end()),
                all,
                &mut out.system,
            ),
            _ => None,
        };
        if let Some(fragment) = by_shape {
            if let Some(reason) = filter.rejects(&out.facts(chunk, literals, plan.literal_names)) {
                return Err(Stop::Rejected(reason));
            }
            return match fragment {
                Some(fragment) => self.fragment_by_plan(chunk, fragment, filter, out),
                None => Ok(true),
            };
        }
        out.system = plan.system;
        if !values_to_end(chunk, instance, content.1, &mut self.values) {
            return Ok(false);
        }
        let (tested, others) = plan.fields.split_at(plan.tested);
        if !fields_by_plan(tested, chunk, &self.values, out) {
            return Ok(false);
        }
        if let Some(reason) = filter.rejects(&out.facts(chunk, literals, plan.literal_names)) {
            return Err(Stop::Rejected(reason));
        }
        if !fields_by_plan(others, chunk, &self.values, out) {
            return Ok(false);
        }
        let fragment = plan
            .fragment
            .and_then(|id| self.values.get(usize::from(id)))
            .copied();
        if !self.data_by_plan(number, chunk, out)? {
            return Ok(false);
        }
        match fragment {
            Some(value) if value.kind == BINXML && !is_null(value) => {
                self.fragment_by_plan(chunk, (value.start, value.end), filter, out)
            }
            // Anything else stands between elements, where nothing is read.
            _ => Ok(true),
        }
    }

    fn fragment_by_plan(
        &mut self,
        chunk: &[u8],
        (start, end): Span,
        filter: &LogFilter,
        out: &mut Collector,
    ) -> Result<bool, Stop> {
        let content = (start as usize, end as usize);
        let Some(instance) = binxml::sole_instance(chunk, content) else {
            return Ok(false);
        };
        let templates = &mut self.templates;
        let Some(number) = templates.plan(chunk, instance.definition, filter) else {
            return Ok(false);
        };
        let Some(plan) = templates.plans.get(number).filter(|plan| !plan.is_event) else {
            return Ok(false);
        };
        templates.budget.step(instance.count() as u32)?;
        if plan.is_straight
            && let Some(all) = instance.descriptors(chunk)
            && let Some(next) = instance.plain_end(chunk, all)
            && is_end(chunk, next, end)
        {
            self.data = Some(number);
            self.straight = Some(instance.descriptors_at());
            return Ok(true);
        }
        self.values.clear();
        if !values_to_end(chunk, instance, content.1, &mut self.values) {
            return Ok(false);
        }
        self.data_by_plan(number, chunk, out)
    }

    /// Makes sure that the event data can be put out when they are asked for;
    /// `false` if they hold what a plan does not foresee.
    fn data_by_plan(
        &mut self,
        number: u32,
        chunk: &[u8],
        out: &mut Collector,
    ) -> Result<bool, Stop> {
        let Some(plan) = self.templates.plans.get(number) else {
            return Ok(false);
        };
        for other in &plan.others {
            if is_left_out(&self.values, other.dependency) {
                continue;
            }
            let Some(content) = other.binary else {
                out.other_content = true;
                continue;
            };
            let value = content.and_then(|slot| value_of(&self.values, slot));
            if value.is_some_and(|value| value.kind == BINXML)
                || out.binary_element(chunk, value).is_err()
            {
                return Ok(false);
            }
        }
        if plan.data.is_empty() || is_left_out(&self.values, plan.data_dependency) {
            return Ok(true);
        }
        self.data = Some(number);
        if plan.is_simple && self.values.iter().all(|value| value.is_plain(chunk)) {
            return Ok(true);
        }
        let Some(steps) = plan.data_cost(chunk, &self.values) else {
            self.data = None;
            return Ok(false);
        };
        self.templates.budget.step(steps)?;
        Ok(true)
    }

    /// The event data of the record that was read, if they are not in the
    /// collector's items.
    #[inline]
    pub(crate) fn data<'a>(&'a self, chunk: &'a [u8]) -> Option<EventData<'a>> {
        let plan = self.templates.plans.get(self.data?)?;
        let literals = self.templates.plans.literals();
        Some(match self.straight {
            Some((start, end)) => EventData::Straight(Straight {
                entries: &plan.data,
                literals,
                descriptors: chunk
                    .get(start as usize..end as usize)
                    .unwrap_or_default()
                    .as_chunks()
                    .0,
                slot: 0,
                at: end,
            }),
            None => EventData::Planned {
                entries: &plan.data,
                values: &self.values,
                literals,
            },
        })
    }
}

/// Puts parts of `System` into `out`; `false` if one holds what a plan does not foresee.
fn fields_by_plan(fields: &[Field], chunk: &[u8], values: &[Value], out: &mut Collector) -> bool {
    fields.iter().all(|field| {
        if is_left_out(values, field.dependency) {
            return true;
        }
        match value_of(values, field.slot) {
            Some(value) => value.kind != BINXML && out.field(field.target, chunk, value).is_ok(),
            None => true,
        }
    })
}

/// Reads the instance's values; `false` if they are damaged or something follows them.
fn values_to_end(chunk: &[u8], instance: Instance, end: usize, values: &mut Vec<Value>) -> bool {
    instance
        .values(chunk, values)
        .is_ok_and(|next| is_end(chunk, next, end as u32))
}

/// Whether nothing but an end token is left of the stream.
#[inline]
fn is_end(chunk: &[u8], at: usize, end: u32) -> bool {
    at >= end as usize || chunk.get(at) == Some(&binxml::EOF)
}

/// One record's walk.
struct Run<'a> {
    chunk: &'a [u8],
    walker: &'a mut Walker,
    filter: &'a LogFilter,
    out: &'a mut Collector,
    nesting: u32,
    /// Whether the filter has been asked.
    tested: bool,
}

impl Run<'_> {
    fn test(&mut self) -> Result<(), Stop> {
        self.tested = true;
        match self
            .filter
            .rejects(&self.out.facts(self.chunk, &[], [false; 2]))
        {
            Some(reason) => Err(Stop::Rejected(reason)),
            None => Ok(()),
        }
    }

    fn fragment(&mut self, start: u32, end: u32) -> Result<(), Stop> {
        if self.nesting == MAX_NESTING {
            return Err(Stop::Unsupported);
        }
        if !self.out.takes_elements() {
            return Err(Stop::Unsupported);
        }
        self.nesting += 1;
        let chunk = self.chunk;
        binxml::walk(chunk, start as usize, end as usize, false, self)?;
        self.nesting -= 1;
        Ok(())
    }

    /// Puts the instance's values (from `base` on) through the template.
    fn execute(&mut self, template: Template, base: usize) -> Result<(), Stop> {
        let count = self.walker.values.len() - base;
        let mut at = template.start;
        while at < template.end {
            self.walker.step(1)?;
            let Some(&operation) = self.walker.templates.operations.get(at as usize) else {
                break;
            };
            let first = at == template.start;
            at += 1;
            // A number past the values stands for nothing.
            let value = |walker: &Walker, id: u16| {
                let id = usize::from(id);
                let value = walker.values.get(base + id).filter(|_| id < count)?;
                Some(*value)
            };
            match operation {
                Operation::Open {
                    name,
                    dependency,
                    next,
                } => {
                    // [MS-EVEN6] 2.2.12.1; the root is never left out.
                    let left_out = !first
                        && dependency
                            .and_then(|id| value(self.walker, id))
                            .is_some_and(is_null);
                    if left_out {
                        at = next;
                    } else {
                        self.out.open(name)?;
                    }
                }
                Operation::Attribute(name) => self.out.attribute(self.chunk, name)?,
                Operation::Content => self.out.content(self.chunk)?,
                Operation::Close => self.close()?,
                Operation::Literal(value) => self.value(value)?,
                Operation::Character(unit) => self.out.character(self.chunk, unit)?,
                Operation::Slot(id) => match value(self.walker, id) {
                    Some(value) if value.kind == BINXML && !is_null(value) => {
                        self.fragment(value.start, value.end)?;
                    }
                    Some(value) => self.value(value)?,
                    None => {}
                },
            }
        }
        Ok(())
    }
}

impl Sink for Run<'_> {
    fn step(&mut self) -> Result<(), Stop> {
        self.walker.step(1)
    }

    fn open(&mut self, name: Name, _: Option<u16>) -> Result<(), Stop> {
        self.out.open(name)
    }

    fn attribute(&mut self, name: Name) -> Result<(), Stop> {
        self.out.attribute(self.chunk, name)
    }

    fn content(&mut self) -> Result<(), Stop> {
        self.out.content(self.chunk)
    }

    fn close(&mut self) -> Result<(), Stop> {
        if self.out.close()? == Closed::System && !self.tested {
            self.test()?;
        }
        Ok(())
    }

    fn value(&mut self, value: Value) -> Result<(), Stop> {
        if is_null(value) {
            return Ok(());
        }
        self.walker.step(value.cost())?;
        self.out.value(self.chunk, value)
    }

    fn character(&mut self, unit: u16) -> Result<(), Stop> {
        self.out.character(self.chunk, unit)
    }

    fn slot(&mut self, _: u16) -> Result<(), Stop> {
        Err(Stop::Unsupported)
    }

    fn instance(&mut self, instance: Instance) -> Result<usize, Stop> {
        let template = self.walker.templates.get(self.chunk, instance.definition)?;
        // A fragment in many places lists its values each time.
        let count = u32::try_from(instance.count()).map_err(|_| Stop::Unsupported)?;
        self.walker.step(count)?;
        let base = self.walker.values.len();
        let next = instance.values(self.chunk, &mut self.walker.values)?;
        self.execute(template, base)?;
        self.walker.values.truncate(base);
        Ok(next)
    }
}
