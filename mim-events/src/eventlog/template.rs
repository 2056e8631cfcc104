//! Template definitions: read at most once a chunk into operations, and into a
//! [`Plan`](super::plan::Plan) where they have a shape that allows one.

use std::collections::HashMap;
use std::ops::Range;

use super::binxml::{self, Instance, Name, Sink, Stop, Value, definition_range};
use super::filter::LogFilter;
use super::plan::{Plan, Plans};

/// Steps (tokens, operations, values of an instance, [`Value::cost`]) for all
/// records of a chunk. Chunks of real logs need less than 100,000; a step takes
/// up to 50 ns.
const CHUNK_STEPS: u32 = 400_000;
/// Operations of all templates of a chunk, a few hundred in real logs.
const MAX_OPERATIONS: usize = 65_536;
/// Templates that are found without hashing; an event takes two.
const RECENT: usize = 16;
/// Templates that are kept for the next chunks, and all their operations.
const KEPT: usize = 64;
const KEPT_OPERATIONS: usize = 8_192;
/// Bytes of a definition before its GUID: the offset of the next one in its bucket.
const LINK: usize = 4;

/// What is left to do in a chunk, so that no chunk takes long.
#[derive(Debug, Default)]
pub(crate) struct Budget(u32);

impl Budget {
    pub(crate) fn step(&mut self, count: u32) -> Result<(), Stop> {
        self.0 = self.0.checked_sub(count).ok_or(Stop::Unsupported)?;
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Open {
        name: Name,
        /// The element is left out when this value is null.
        dependency: Option<u16>,
        /// The operation after the element.
        next: u32,
    },
    Attribute(Name),
    Content,
    Close,
    Literal(Value),
    Character(u16),
    Slot(u16),
}

/// A template of the chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    /// Where its operations begin.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// What each of its records takes besides its values, in steps.
    pub(crate) cost: u32,
    /// The number of its plan, if it has one.
    pub(crate) plan: Option<u32>,
}

/// A template of a chunk before. Chunks that were filled alike have the same
/// definitions at the same offsets; if every byte is the same, so is the template.
#[derive(Debug)]
struct Kept {
    offset: u32,
    /// The definition without its link to the next one.
    bytes: Box<[u8]>,
    template: Template,
    /// What it took to read it.
    steps: u32,
}

/// The templates of the current chunk.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    kept: Vec<Kept>,
    /// Operations that were there before the chunk.
    before: usize,
    /// By the offset of the definition.
    known: HashMap<u32, Result<Template, Stop>>,
    recent: [Option<(u32, Template)>; RECENT],
    pub(crate) operations: Vec<Operation>,
    pub(crate) plans: Plans,
    pub(crate) budget: Budget,
}

impl Templates {
    /// Forgets the chunk before.
    pub(crate) fn begin_chunk(&mut self) {
        if self.kept.len() == KEPT || self.operations.len() > KEPT_OPERATIONS {
            self.forget();
        }
        self.known.clear();
        self.recent = [None; RECENT];
        self.before = self.operations.len();
        self.budget = Budget(CHUNK_STEPS);
    }

    /// Forgets what was read, also what the filter said of it.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
        self.before = 0;
        self.known.clear();
        self.recent = [None; RECENT];
        self.operations.clear();
        self.plans.clear();
    }

    /// The template whose definition is at `offset`.
    pub(crate) fn get(
        &mut self,
        chunk: &[u8],
        offset: u32,
        filter: &LogFilter,
    ) -> Result<Template, Stop> {
        let place = (offset / 4) as usize % RECENT;
        if let Some(Some((at, template))) = self.recent.get(place)
            && *at == offset
        {
            return Ok(*template);
        }
        let template = match self.known.get(&offset) {
            Some(known) => *known,
            None => {
                let template = match self.reuse(chunk, offset) {
                    Some(template) => template,
                    None => self.compile(chunk, offset, filter),
                };
                self.known.insert(offset, template);
                template
            }
        }?;
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = Some((offset, template));
        }
        Ok(template)
    }

    pub(crate) fn plan(&self, template: Template) -> Option<&Plan> {
        self.plans.get(template.plan?)
    }

    fn reuse(&mut self, chunk: &[u8], offset: u32) -> Option<Result<Template, Stop>> {
        let kept = self.kept.iter().find(|kept| kept.offset == offset)?;
        let bytes = chunk.get(offset as usize + LINK..)?;
        bytes
            .starts_with(&kept.bytes)
            // It costs as much as if it were read anew: what a chunk may hold
            // does not depend on the chunks before.
            .then(|| self.budget.step(kept.steps).map(|()| kept.template))
    }

    fn compile(&mut self, chunk: &[u8], offset: u32, filter: &LogFilter) -> Result<Template, Stop> {
        let first = self.operations.len();
        let budget = self.budget.0;
        let template = self.read(chunk, offset, filter);
        match &template {
            Ok((template, Some(range))) if self.kept.len() < KEPT => self.kept.push(Kept {
                offset,
                bytes: chunk.get(range.clone()).unwrap_or_default().into(),
                template: *template,
                steps: budget - self.budget.0,
            }),
            Ok(_) => {}
            Err(_) => self.operations.truncate(first),
        }
        template.map(|(template, _)| template)
    }

    /// Reads a definition; also its bytes, if it says all that it needs.
    fn read(
        &mut self,
        chunk: &[u8],
        offset: u32,
        filter: &LogFilter,
    ) -> Result<(Template, Option<Range<usize>>), Stop> {
        let (start, end) = definition_range(chunk, offset)?;
        let first = self.operations.len();
        let mut compiler = Compiler {
            limit: self.before + MAX_OPERATIONS,
            operations: &mut self.operations,
            budget: &mut self.budget,
            open: Vec::new(),
            roots: 0,
            range: start..end,
            is_complete: true,
        };
        binxml::walk(chunk, start, end, true, &mut compiler)?;
        if compiler.roots != 1 {
            return Err(Stop::Unsupported);
        }
        let is_complete = compiler.is_complete;
        let operations = self.operations.get(first..).unwrap_or_default();
        let plan = self.plans.add(chunk, operations, filter);
        let literals = plan.and_then(|plan| self.plans.get(plan));
        let template = Template {
            start: first as u32,
            end: self.operations.len() as u32,
            cost: literals.map_or(0, Plan::literals_cost),
            plan,
        };
        let bytes = offset as usize + LINK..end;
        Ok((template, is_complete.then_some(bytes)))
    }
}

/// Writes a template's operations.
struct Compiler<'a> {
    operations: &'a mut Vec<Operation>,
    budget: &'a mut Budget,
    open: Vec<usize>,
    roots: u32,
    limit: usize,
    range: Range<usize>,
    /// Whether all names are inside the definition.
    is_complete: bool,
}

impl Compiler<'_> {
    fn push(&mut self, operation: Operation) -> Result<(), Stop> {
        if self.operations.len() >= self.limit {
            return Err(Stop::Unsupported);
        }
        self.operations.push(operation);
        Ok(())
    }
}

impl Sink for Compiler<'_> {
    fn step(&mut self) -> Result<(), Stop> {
        self.budget.step(1)
    }

    fn name_at(&mut self, range: Range<usize>) {
        self.is_complete &= range.start >= self.range.start && range.end <= self.range.end;
    }

    fn open(&mut self, name: Name, dependency: Option<u16>) -> Result<(), Stop> {
        self.roots += u32::from(self.open.is_empty());
        self.open.push(self.operations.len());
        self.push(Operation::Open {
            name,
            dependency,
            next: 0,
        })
    }

    fn attribute(&mut self, name: Name) -> Result<(), Stop> {
        self.push(Operation::Attribute(name))
    }

    fn content(&mut self) -> Result<(), Stop> {
        self.push(Operation::Content)
    }

    fn close(&mut self) -> Result<(), Stop> {
        self.push(Operation::Close)?;
        let after = self.operations.len() as u32;
        let opened = self.open.pop();
        if let Some(Operation::Open { next, .. }) =
            opened.and_then(|at| self.operations.get_mut(at))
        {
            *next = after;
        }
        Ok(())
    }

    fn value(&mut self, value: Value) -> Result<(), Stop> {
        self.push(Operation::Literal(value))
    }

    fn character(&mut self, unit: u16) -> Result<(), Stop> {
        self.push(Operation::Character(unit))
    }

    fn slot(&mut self, id: u16) -> Result<(), Stop> {
        self.push(Operation::Slot(id))
    }

    fn instance(&mut self, _: Instance) -> Result<usize, Stop> {
        Err(Stop::Unsupported)
    }
}
