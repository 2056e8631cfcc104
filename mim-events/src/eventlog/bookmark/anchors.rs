//! [`Anchors`]: records by which a log is known again.

/// The most anchors that are kept.
pub(super) const MAX_ANCHORS: usize = 14;

/// How many numbers at least lie between two anchors that are kept besides the newest.
const SPACING: u64 = 16;

/// A record that was read: its number and when it was written, in 100 ns since 1601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Anchor {
    pub(super) number: u64,
    pub(super) written: u64,
}

/// A few of the records that were read, ascending: the newest, and others the
/// farther apart the older they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Anchors {
    kept: Vec<Anchor>,
    /// The newest.
    last: Option<Anchor>,
    /// The number of one that stays.
    held: Option<u64>,
}

impl Anchors {
    /// Anchors in any order; of those with one number the first counts.
    pub(super) fn new(mut kept: Vec<Anchor>) -> Self {
        kept.sort_by_key(|anchor| anchor.number);
        kept.dedup_by_key(|anchor| anchor.number);
        let last = kept.pop();
        let mut anchors = Self {
            kept,
            last,
            held: None,
        };
        anchors.thin();
        anchors
    }

    /// Takes a record that is newer than all before; those of the same number
    /// or a greater one are of a state that the log has left.
    #[inline]
    pub(super) fn push(&mut self, anchor: Anchor) {
        if self.top().is_some_and(|top| top.number >= anchor.number) {
            self.drop_from(anchor.number);
        }
        if let Some(last) = self.last.replace(anchor) {
            let kept = self.kept.last();
            if kept.is_none_or(|kept| last.number - kept.number >= SPACING) {
                self.keep(last);
            }
        }
    }

    #[cold]
    fn keep(&mut self, anchor: Anchor) {
        self.kept.push(anchor);
        self.thin();
    }

    /// Puts in an anchor of any number, and holds it in the stead of the one
    /// that was held before.
    pub(super) fn hold(&mut self, anchor: Anchor) {
        self.kept.extend(self.last.take());
        self.held = Some(anchor.number);
        let at = self
            .kept
            .partition_point(|kept| kept.number < anchor.number);
        if self.kept.get(at).map(|kept| kept.number) != self.held {
            self.kept.insert(at, anchor);
        }
        self.last = self.kept.pop();
        self.thin();
    }

    /// Drops all anchors of this number and of greater ones.
    pub(super) fn drop_from(&mut self, number: u64) {
        self.kept.extend(self.last.take());
        self.kept.retain(|kept| kept.number < number);
        self.last = self.kept.pop();
    }

    /// Drops the anchors between two numbers.
    pub(super) fn drop_between(&mut self, after: u64, before: u64) {
        self.kept.extend(self.last.take());
        self.kept
            .retain(|kept| kept.number <= after || kept.number >= before);
        self.last = self.kept.pop();
    }

    /// All, ascending.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Anchor> + '_ {
        self.kept.iter().copied().chain(self.last)
    }

    pub(super) fn top(&self) -> Option<Anchor> {
        self.last
    }

    /// Drops the anchors that stand closest for their age; never the oldest
    /// and the newest.
    fn thin(&mut self) {
        while self.kept.len() >= MAX_ANCHORS {
            let Some(newest) = self.kept.last().map(|newest| newest.number) else {
                return;
            };
            let place = (1..self.kept.len() - 1)
                .filter(|&at| Some(self.kept[at].number) != self.held)
                .min_by(|&one, &other| {
                    self.closeness(one, newest)
                        .total_cmp(&self.closeness(other, newest))
                });
            match place {
                Some(at) => drop(self.kept.remove(at)),
                None => return,
            }
        }
    }

    /// How far apart an anchor's neighbours are, by how far back they lie.
    fn closeness(&self, at: usize, newest: u64) -> f64 {
        let (before, after) = (self.kept[at - 1].number, self.kept[at + 1].number);
        (after - before) as f64 / ((newest - before) as f64 + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(number: u64) -> Anchor {
        Anchor {
            number,
            written: number * 10,
        }
    }

    #[test]
    fn the_older_the_farther_apart() {
        let mut anchors = Anchors::default();
        for number in 1..=1_000_000 {
            anchors.push(anchor(number));
            if number % 9973 == 0 {
                let all: Vec<u64> = anchors.iter().map(|anchor| anchor.number).collect();
                assert!(all.len() <= MAX_ANCHORS && all.is_sorted());
                assert_eq!((all[0], all[all.len() - 1]), (1, number));
                // Whatever is cut off: the nearest anchor that is left is at
                // most a few times as far back.
                for pair in all.windows(2) {
                    let (far, near) = (number - pair[0], number - pair[1]);
                    assert!(far <= 8 * near + 64, "{all:?}");
                }
            }
        }
    }

    #[test]
    fn a_lower_number_leaves_the_state_before() {
        let mut anchors = Anchors::default();
        (1..=100).for_each(|number| anchors.push(anchor(number)));
        anchors.push(Anchor {
            number: 50,
            written: 7,
        });
        assert_eq!(anchors.top().map(|top| top.written), Some(7));
        assert!(anchors.iter().all(|anchor| anchor.number <= 50));
    }

    #[test]
    fn one_can_be_put_in_between() {
        let mut anchors = Anchors::default();
        (1..=10_000).for_each(|number| anchors.push(anchor(number)));
        anchors.hold(anchor(77));
        anchors.hold(anchor(77));
        let all: Vec<u64> = anchors.iter().map(|anchor| anchor.number).collect();
        assert!(all.contains(&77) && all.len() <= MAX_ANCHORS);
        assert_eq!((all[0], all[all.len() - 1]), (1, 10_000));
        let again = Anchors::new(anchors.iter().rev().collect());
        assert!(again.iter().eq(anchors.iter()));
    }
}
