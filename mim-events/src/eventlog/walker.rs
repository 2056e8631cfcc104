//! Lane one: the walk through a record, with the templates of its chunk.
//!
//! A template definition is read once a chunk into operations; a record is
//! then its values put through them. Every loop is bounded by the bytes at
//! hand or by the chunk's budget of steps, nesting by a constant.

use std::collections::HashMap;

use super::binxml::{self, Instance, Name, Sink, Stop, Value, definition_range};
use super::collector::{Closed, Collector};
use super::filter::LogFilter;
use super::value::{BINXML, NULL};

/// Fragments and instances in fragments may nest this deep; real ones need 2.
const MAX_NESTING: u32 = 16;
/// Steps (tokens, operations, values of an instance, 32 bytes of a value) for
/// all records of a chunk. Chunks of real logs need less than 100,000.
const CHUNK_STEPS: u32 = 2_000_000;
/// Operations of all templates of a chunk, a few hundred in real logs.
const MAX_OPERATIONS: usize = 65_536;

#[derive(Clone, Copy, Debug)]
enum Operation {
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

/// A template of the chunk: where its operations are.
#[derive(Clone, Copy, Debug)]
struct Template {
    start: u32,
    end: u32,
}

/// The reader of records, and what it knows of the current chunk.
#[derive(Debug, Default)]
pub(crate) struct Walker {
    /// By the offset of the definition.
    templates: HashMap<u32, Result<Template, Stop>>,
    operations: Vec<Operation>,
    /// The values of the instances that are being walked, outermost first.
    values: Vec<Value>,
    steps: u32,
}

impl Walker {
    /// Forgets the chunk before.
    pub(crate) fn begin_chunk(&mut self) {
        self.templates.clear();
        self.operations.clear();
        self.steps = CHUNK_STEPS;
    }

    /// Reads the record content `chunk[start..end]` into `out`. `header_id`
    /// stands in for an `EventRecordID` that is not there.
    pub(crate) fn walk(
        &mut self,
        chunk: &[u8],
        (start, end): (usize, usize),
        header_id: u64,
        filter: &LogFilter,
        out: &mut Collector,
    ) -> Result<(), Stop> {
        self.values.clear();
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
        self.steps = self.steps.checked_sub(count).ok_or(Stop::Unsupported)?;
        Ok(())
    }

    fn template(&mut self, chunk: &[u8], offset: u32) -> Result<Template, Stop> {
        if let Some(known) = self.templates.get(&offset) {
            return *known;
        }
        let start = self.operations.len();
        let template = self.compile(chunk, offset);
        if template.is_err() {
            self.operations.truncate(start);
        }
        self.templates.insert(offset, template);
        template
    }

    fn compile(&mut self, chunk: &[u8], offset: u32) -> Result<Template, Stop> {
        let (start, end) = definition_range(chunk, offset)?;
        let first = self.operations.len();
        let mut compiler = Compiler {
            walker: self,
            open: Vec::new(),
            roots: 0,
        };
        binxml::walk(chunk, start, end, true, &mut compiler)?;
        if compiler.roots != 1 {
            return Err(Stop::Unsupported);
        }
        Ok(Template {
            start: first as u32,
            end: self.operations.len() as u32,
        })
    }
}

/// Writes a template's operations.
struct Compiler<'a> {
    walker: &'a mut Walker,
    open: Vec<usize>,
    roots: u32,
}

impl Compiler<'_> {
    fn push(&mut self, operation: Operation) -> Result<(), Stop> {
        if self.walker.operations.len() == MAX_OPERATIONS {
            return Err(Stop::Unsupported);
        }
        self.walker.operations.push(operation);
        Ok(())
    }
}

impl Sink for Compiler<'_> {
    fn step(&mut self) -> Result<(), Stop> {
        self.walker.step(1)
    }

    fn open(&mut self, name: Name, dependency: Option<u16>) -> Result<(), Stop> {
        self.roots += u32::from(self.open.is_empty());
        self.open.push(self.walker.operations.len());
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
        let after = self.walker.operations.len() as u32;
        let opened = self.open.pop();
        if let Some(Operation::Open { next, .. }) =
            opened.and_then(|at| self.walker.operations.get_mut(at))
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
        match self.filter.rejects(&self.out.facts(self.chunk)) {
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
            let Some(&operation) = self.walker.operations.get(at as usize) else {
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

/// Null, or a fragment without a byte.
fn is_null(value: Value) -> bool {
    value.kind == NULL || (value.kind == BINXML && value.start == value.end)
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
        self.walker.step(1 + (value.end - value.start) / 32)?;
        self.out.value(self.chunk, value)
    }

    fn character(&mut self, unit: u16) -> Result<(), Stop> {
        self.out.character(self.chunk, unit)
    }

    fn slot(&mut self, _: u16) -> Result<(), Stop> {
        Err(Stop::Unsupported)
    }

    fn instance(&mut self, instance: Instance) -> Result<usize, Stop> {
        let template = self.walker.template(self.chunk, instance.definition)?;
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
