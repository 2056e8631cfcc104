//! What a classifier learns as it reads: which resource an internal key means, which request an
//! approval is about, which request made another, and what people registered.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use uuid::Uuid;

/// The longest internal key, and the longest text, in bytes, that is kept. What is longer is not
/// learned, so that the bound on entries is a bound on memory.
const MAX_KEY: usize = 64;
const MAX_TEXT: usize = 256;
/// The longest chain of parents that is followed.
const MAX_CHAIN: usize = 32;

/// How much a [`Classifier`](super::Classifier) remembers, in entries of each of its memories.
///
/// Each memory has two halves. What is learned or used goes to the young half; when that is full
/// it becomes the old half, and what was in the old half is forgotten. So an entry stays at least until half the
/// capacity of other entries was learned or used after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkLimits {
    /// Internal keys of resources. Default 65,536.
    pub resources: usize,
    /// Requests with their parent and type. Default 65,536.
    pub requests: usize,
    /// Approvals with the request they are about. Default 16,384.
    pub approvals: usize,
    /// Workflow definitions with the methods of their gates. Default 1,024.
    pub workflows: usize,
    /// People with the methods they registered. Default 65,536.
    pub people: usize,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            resources: 65_536,
            requests: 65_536,
            approvals: 16_384,
            workflows: 1_024,
            people: 65_536,
        }
    }
}

/// How much a [`Classifier`](super::Classifier) remembers at the moment, in entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkCounts {
    /// Internal keys of resources.
    pub resources: usize,
    /// Requests with their parent and type.
    pub requests: usize,
    /// Approvals with the request they are about.
    pub approvals: usize,
    /// Workflow definitions with the methods of their gates.
    pub workflows: usize,
    /// People with the methods they registered.
    pub people: usize,
    /// Entries that were forgotten since the classifier was made.
    pub forgotten: u64,
}

/// A bounded memory in two halves; see [`LinkLimits`].
struct Memory<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
    forgotten: u64,
}

impl<K: Hash + Eq, V> Memory<K, V> {
    fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: capacity / 2,
            forgotten: 0,
        }
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn insert(&mut self, key: K, value: V) {
        if self.half == 0 {
            return;
        }
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.forgotten += self.old.len() as u64;
            // Swapped and cleared rather than dropped: the table is used again.
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, value);
    }

    /// The entry, which counts as used from now on.
    fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }
}

/// The service database whose internal keys a request uses.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// The first is learned into; all are asked, in order.
    names: Vec<String>,
}

impl Scope {
    pub(crate) fn new(computer: Option<&str>, partition: Option<&str>) -> Self {
        let name = |prefix: &str, text: Option<&str>| {
            text.map(str::trim)
                .filter(|text| !text.is_empty() && text.len() <= MAX_TEXT)
                .map(|text| format!("{prefix}{}\n", text.to_lowercase()))
        };
        let partition = partition.filter(|text| !text.trim().eq_ignore_ascii_case("localhost"));
        let mut names: Vec<String> = [name("c:", computer), name("p:", partition)]
            .into_iter()
            .flatten()
            .collect();
        if names.is_empty() {
            names.push("-\n".to_owned());
        }
        Self { names }
    }

    fn own(&self, key: &str) -> Option<String> {
        let key = key.trim();
        let name = self.names.first()?;
        (!key.is_empty() && key.len() <= MAX_KEY).then(|| format!("{name}{key}"))
    }

    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = String> + 'a {
        let key = key.trim();
        self.names
            .iter()
            .filter(move |_| key.len() <= MAX_KEY)
            .map(move |name| format!("{name}{key}"))
    }
}

/// What is known of the resource behind an internal key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: Uuid,
    pub(crate) object_type: Option<Box<str>>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) account: Option<Box<str>>,
    pub(crate) domain: Option<Box<str>>,
}

/// A reference reduced to what identifies it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: Option<Uuid>,
    pub(crate) key: Option<String>,
}

struct Ancestor {
    parent: Option<Uuid>,
    object_type: Box<str>,
}

pub(crate) struct Links {
    resources: Memory<String, Known>,
    requests: Memory<Uuid, Ancestor>,
    approvals: Memory<String, Identity>,
    workflows: Memory<String, Vec<String>>,
    people: Memory<Uuid, Vec<String>>,
}

fn kept(text: Option<&str>) -> Option<Box<str>> {
    text.filter(|text| text.len() <= MAX_TEXT).map(Box::from)
}

impl Links {
    pub(crate) fn new(limits: LinkLimits) -> Self {
        Self {
            resources: Memory::new(limits.resources),
            requests: Memory::new(limits.requests),
            approvals: Memory::new(limits.approvals),
            workflows: Memory::new(limits.workflows),
            people: Memory::new(limits.people),
        }
    }

    pub(crate) fn counts(&self) -> LinkCounts {
        LinkCounts {
            resources: self.resources.len(),
            requests: self.requests.len(),
            approvals: self.approvals.len(),
            workflows: self.workflows.len(),
            people: self.people.len(),
            forgotten: self.resources.forgotten
                + self.requests.forgotten
                + self.approvals.forgotten
                + self.workflows.forgotten
                + self.people.forgotten,
        }
    }

    /// Learns a pair of internal key and GUID. What this document does not say stays as it was.
    pub(crate) fn learn_resource(
        &mut self,
        scope: &Scope,
        key: &str,
        id: Uuid,
        object_type: Option<&str>,
        [name, account, domain]: [Option<&str>; 3],
    ) {
        let Some(key) = scope.own(key) else { return };
        if let Some(known) = self.resources.get(&key)
            && known.id == id
        {
            let update = |old: &mut Option<Box<str>>, new: Option<&str>| {
                if new.is_some() && new != old.as_deref() {
                    *old = kept(new);
                }
            };
            update(&mut known.object_type, object_type);
            update(&mut known.name, name);
            update(&mut known.account, account);
            update(&mut known.domain, domain);
            return;
        }
        let known = Known {
            id,
            object_type: kept(object_type),
            name: kept(name),
            account: kept(account),
            domain: kept(domain),
        };
        self.resources.insert(key, known);
    }

    pub(crate) fn resource(&mut self, scope: &Scope, key: &str) -> Option<&Known> {
        for key in scope.all(key) {
            // Twice, as the borrow checker cannot see that `None` lends nothing.
            if self.resources.get(&key).is_some() {
                return self.resources.get(&key).map(|known| &*known);
            }
        }
        None
    }

    pub(crate) fn learn_request(&mut self, id: Uuid, parent: Option<Uuid>, object_type: &str) {
        let object_type = kept(Some(object_type)).unwrap_or_default();
        let parent = parent.or_else(|| self.requests.get(&id).and_then(|known| known.parent));
        self.requests.insert(
            id,
            Ancestor {
                parent,
                object_type,
            },
        );
    }

    /// Whether a request, or one on the chain of its parents, has one of the types.
    pub(crate) fn chain_has_type(&mut self, start: Uuid, types: &[String]) -> bool {
        let mut next = Some(start);
        // A cycle ends with the count, having found nothing new.
        for _ in 0..MAX_CHAIN {
            let Some(known) = next.and_then(|id| self.requests.get(&id)) else {
                return false;
            };
            if types
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(&known.object_type))
            {
                return true;
            }
            next = known.parent;
        }
        false
    }

    pub(crate) fn learn_approval(&mut self, scope: &Scope, approval: &Identity, request: Identity) {
        let names = [
            approval.id.map(|id| id.to_string()),
            approval.key.as_deref().and_then(|key| scope.own(key)),
        ];
        for name in names.into_iter().flatten() {
            self.approvals.insert(name, request.clone());
        }
    }

    /// The request an approval is about.
    pub(crate) fn approval(&mut self, scope: &Scope, approval: &Identity) -> Option<Identity> {
        named(&mut self.approvals, scope, approval)
    }

    pub(crate) fn learn_workflow(
        &mut self,
        scope: &Scope,
        definition: &Identity,
        methods: &[String],
    ) {
        let names = [
            definition.id.map(|id| id.to_string()),
            definition.key.as_deref().and_then(|key| scope.own(key)),
        ];
        for name in names.into_iter().flatten() {
            self.workflows.insert(name, methods.to_vec());
        }
    }

    /// The methods of the gates of a workflow definition.
    pub(crate) fn workflow(&mut self, scope: &Scope, definition: &Identity) -> Option<Vec<String>> {
        named(&mut self.workflows, scope, definition)
    }

    /// Remembers what a person registered, beside or instead of what is known.
    pub(crate) fn learn_person(&mut self, person: Uuid, methods: &[String], replace: bool) {
        if let Some(known) = self.people.get(&person) {
            if replace {
                known.clear();
            }
            for method in methods {
                if !known.contains(method) {
                    known.push(method.clone());
                }
            }
        } else {
            self.people.insert(person, methods.to_vec());
        }
    }

    pub(crate) fn person(&mut self, person: Uuid) -> Option<&[String]> {
        self.people.get(&person).map(|methods| methods.as_slice())
    }
}

fn named<V: Clone>(memory: &mut Memory<String, V>, scope: &Scope, of: &Identity) -> Option<V> {
    if let Some(id) = of.id
        && let Some(found) = memory.get(&id.to_string())
    {
        return Some(found.clone());
    }
    let key = of.key.as_deref()?;
    scope
        .all(key)
        .find_map(|name| memory.get(&name).map(|found| found.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn memories_are_bounded_and_keep_what_is_used() {
        let mut memory = Memory::new(10);
        for n in 0..1_000 {
            memory.insert(n, n);
            assert!(memory.len() <= 10);
            assert_eq!(memory.get(&0), Some(&mut 0), "used each time, at {n}");
        }
        assert_eq!(memory.get(&500), None);
        assert_eq!(memory.get(&999), Some(&mut 999));
        assert_eq!(memory.forgotten, 1_000 - memory.len() as u64);

        let mut none = Memory::new(0);
        none.insert(1, 1);
        assert_eq!((none.len(), none.get(&1)), (0, None));
    }

    #[test]
    fn keys_of_different_databases_do_not_meet() {
        let mut links = Links::new(LinkLimits::default());
        let east = Scope::new(Some("MIM-EAST"), Some("portal"));
        let west = Scope::new(Some("mim-west"), None);
        links.learn_resource(&east, "61", uuid(1), None, [None; 3]);
        assert!(links.resource(&west, "61").is_none());
        let again = Scope::new(Some("mim-east"), None);
        assert_eq!(
            links.resource(&again, "61").map(|known| known.id),
            Some(uuid(1))
        );
        // A request without its event's computer is asked by partition name only.
        let unplaced = Scope::new(None, Some("portal"));
        assert!(links.resource(&unplaced, "61").is_none());
        links.learn_resource(&unplaced, "62", uuid(2), None, [None; 3]);
        assert!(links.resource(&east, "62").is_some());
        let local = Scope::new(None, Some("localhost"));
        assert!(links.resource(&local, "62").is_none());
    }

    #[test]
    fn cycles_of_parents_end() {
        let mut links = Links::new(LinkLimits::default());
        links.learn_request(uuid(1), Some(uuid(2)), "Group");
        links.learn_request(uuid(2), Some(uuid(1)), "Person");
        let pam = ["msidmPamRequest".to_owned()];
        assert!(!links.chain_has_type(uuid(1), &pam));
        for n in 10..100 {
            links.learn_request(uuid(n), Some(uuid(n + 1)), "Group");
        }
        links.learn_request(uuid(100), None, "msidmpamrequest");
        assert!(links.chain_has_type(uuid(69), &pam));
        assert!(!links.chain_has_type(uuid(68), &pam), "over the limit");
    }

    #[test]
    fn long_texts_are_not_kept() {
        let mut links = Links::new(LinkLimits::default());
        let scope = Scope::default();
        links.learn_resource(&scope, "1", uuid(1), None, [None; 3]);
        assert_eq!(links.counts().resources, 0, "a scope without a name");
        let scope = Scope::new(None, None);
        links.learn_resource(&scope, &"9".repeat(65), uuid(1), None, [None; 3]);
        assert_eq!(links.counts().resources, 0);
        let long = "x".repeat(257);
        links.learn_resource(&scope, "1", uuid(1), None, [Some(&long), None, None]);
        assert_eq!(
            links.resource(&scope, "1").map(|known| known.name.clone()),
            Some(None)
        );
    }
}
