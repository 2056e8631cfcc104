//! Template definitions: read into operations, and into a
//! [`Plan`](super::plan::Plan) where they have a shape that allows one.

use std::collections::HashMap;

use super::binxml::{self, Instance, Name, NameUse, Sink, Stop, Value, definition_range};
use super::filter::LogFilter;
use super::plan::Plans;
use super::skeleton::{Builder, Skeleton};

/// Steps (tokens, operations, values of an instance, [`Value::cost`]) for all
/// records of a chunk. Chunks of real logs need less than 100,000; a step takes
/// up to 50 ns.
const CHUNK_STEPS: u32 = 400_000;
/// Operations of all templates of a chunk, a few hundred in real logs.
const MAX_OPERATIONS: usize = 65_536;
/// Places for templates that are found without searching; an event takes two templates.
const RECENT: usize = 128;
/// Templates that are kept for the next chunks.
const KEPT: usize = 64;
/// Plans are forgotten, those of kept templates too, when there are so many.
const MAX_PLANS: usize = 512;

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

/// Where the operations of a template of the chunk are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A template of a chunk before that has a plan.
#[derive(Debug)]
struct Kept {
    guid: [u8; 16],
    skeleton: Skeleton,
    plan: u32,
    /// What it took to read it.
    steps: u32,
}

#[derive(Debug)]
struct Recent([(u32, u32); RECENT]);

impl Default for Recent {
    fn default() -> Self {
        Self([(0, 0); RECENT])
    }
}

impl Recent {
    #[inline]
    fn place(&mut self, offset: u32) -> &mut (u32, u32) {
        // Multiplying spreads the offsets (Knuth, 6.4).
        &mut self.0[(offset.wrapping_mul(0x9E37_79B1) >> 25) as usize % RECENT]
    }
}

/// The templates of the current chunk.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    kept: Vec<Kept>,
    /// By the offset of the definition, as are the plans.
    known: HashMap<u32, Result<Template, Stop>>,
    planned: HashMap<u32, Option<u32>>,
    /// Offsets of definitions and numbers of plans.
    recent: Recent,
    pub(crate) operations: Vec<Operation>,
    pub(crate) plans: Plans,
    pub(crate) budget: Budget,
}

impl Templates {
    /// Forgets the chunk before.
    pub(crate) fn begin_chunk(&mut self) {
        if self.plans.len() > MAX_PLANS || self.plans.are_full() {
            self.forget();
        }
        self.known.clear();
        self.planned.clear();
        self.operations.clear();
        self.recent = Recent::default();
        self.budget = Budget(CHUNK_STEPS);
    }

    /// Forgets what was read, also what the filter said of it.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
        self.planned.clear();
        self.recent = Recent::default();
        self.plans.clear();
    }

    /// The number of the plan of the template whose definition is at `offset`;
    /// `None` if it has none.
    #[inline]
    pub(crate) fn plan(&mut self, chunk: &[u8], offset: u32, filter: &LogFilter) -> Option<u32> {
        match *self.recent.place(offset) {
            // No definition is at the chunk's very beginning.
            (at, plan) if at == offset && at != 0 => Some(plan),
            _ => self.find_plan(chunk, offset, filter),
        }
    }

    fn find_plan(&mut self, chunk: &[u8], offset: u32, filter: &LogFilter) -> Option<u32> {
        let plan = match self.planned.get(&offset) {
            Some(&plan) => plan,
            None => {
                let plan = self.make_plan(chunk, offset, filter);
                self.planned.insert(offset, plan);
                plan
            }
        }?;
        *self.recent.place(offset) = (offset, plan);
        Some(plan)
    }

    fn make_plan(&mut self, chunk: &[u8], offset: u32, filter: &LogFilter) -> Option<u32> {
        let guid = *chunk.get(offset as usize + 4..)?.first_chunk()?;
        // One of each: a crafted log may have many that begin alike.
        let place = self.kept.iter().position(|kept| kept.guid == guid);
        let kept = place.and_then(|place| self.kept.get(place));
        if let Some(kept) = kept.filter(|kept| kept.skeleton.is_of(chunk, offset)) {
            // It costs as much as if it were read anew: what a chunk may hold
            // does not depend on the chunks before.
            return self.budget.step(kept.steps).ok().map(|()| kept.plan);
        }
        let budget = self.budget.0;
        let (template, skeleton) = self.compile(chunk, offset).ok()?;
        let operations = template.start as usize..template.end as usize;
        let operations = self.operations.get(operations).unwrap_or_default();
        let plan = self.plans.add(chunk, operations, filter)?;
        if let Some(skeleton) = skeleton {
            let kept = Kept {
                guid,
                skeleton,
                plan,
                steps: budget - self.budget.0,
            };
            match place {
                Some(place) => self.kept[place] = kept,
                None if self.kept.len() < KEPT => self.kept.push(kept),
                None => {}
            }
        }
        Some(plan)
    }

    /// The template whose definition is at `offset`.
    pub(crate) fn get(&mut self, chunk: &[u8], offset: u32) -> Result<Template, Stop> {
        match self.known.get(&offset) {
            Some(known) => *known,
            None => self.compile(chunk, offset).map(|(template, _)| template),
        }
    }

    /// Reads a definition.
    fn compile(&mut self, chunk: &[u8], offset: u32) -> Result<(Template, Option<Skeleton>), Stop> {
        let first = self.operations.len();
        let read = self.read(chunk, offset);
        if read.is_err() {
            self.operations.truncate(first);
        }
        let known = read.as_ref().map(|(template, _)| *template);
        self.known.insert(offset, known.map_err(|stop| *stop));
        read
    }

    fn read(&mut self, chunk: &[u8], offset: u32) -> Result<(Template, Option<Skeleton>), Stop> {
        let (start, end) = definition_range(chunk, offset)?;
        let first = self.operations.len();
        let mut compiler = Compiler {
            chunk,
            operations: &mut self.operations,
            budget: &mut self.budget,
            open: Vec::new(),
            roots: 0,
            skeleton: Builder::new(start..end),
        };
        let at = binxml::walk(chunk, start, end, true, &mut compiler)?;
        if compiler.roots != 1 {
            return Err(Stop::Unsupported);
        }
        let skeleton = compiler.skeleton.finish(chunk, at);
        let template = Template {
            start: first as u32,
            end: self.operations.len() as u32,
        };
        Ok((template, skeleton))
    }
}

/// Writes a template's operations.
struct Compiler<'a> {
    chunk: &'a [u8],
    operations: &'a mut Vec<Operation>,
    budget: &'a mut Budget,
    open: Vec<usize>,
    roots: u32,
    skeleton: Builder,
}

impl Compiler<'_> {
    fn push(&mut self, operation: Operation) -> Result<(), Stop> {
        if self.operations.len() >= MAX_OPERATIONS {
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

    fn name(&mut self, name: NameUse) {
        self.skeleton.name(self.chunk, &name);
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
