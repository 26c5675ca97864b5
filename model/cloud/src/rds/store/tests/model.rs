//! READ COMMITTED as a few maps and full scans: slow, obvious, and sharing nothing with the store.

use std::collections::{BTreeMap, BTreeSet};

use ports::database::{Answer, DatabaseError, IntoKey, Lock, Record, Row, Statement};

use super::{Execution, Item, TransactionId, delete, get, insert, update};

/// A statement on items.
#[derive(Clone, Debug)]
pub enum Step {
    Read(i64),
    Lock(i64),
    Insert(Vec<Item>),
    Update(Item),
    Delete(i64),
    Shelf(i64),
}

impl Step {
    pub fn statement(&self) -> Statement {
        match self {
            Self::Read(id) => get(*id, Lock::None),
            Self::Lock(id) => get(*id, Lock::ForUpdate),
            Self::Insert(items) => insert(items),
            Self::Update(item) => update(item),
            Self::Delete(id) => delete(*id),
            Self::Shelf(shelf) => {
                let prefix = shelf.into_key();
                Statement::Scan { table: Item::SCHEMA.id, index: Item::BY_SHELF, prefix, limit: u32::MAX }
            }
        }
    }
}

#[derive(Default)]
pub struct Model {
    pub committed: BTreeMap<i64, Item>,
    /// How often the committed row with this id was deleted: who waited for the row before finds nothing.
    deletions: BTreeMap<i64, u32>,
    open: BTreeMap<TransactionId, Open>,
    queues: BTreeMap<i64, Vec<TransactionId>>,
}

#[derive(Default)]
struct Open {
    /// Every version that it wrote of each row, the current one last.
    written: BTreeMap<i64, Vec<Option<Item>>>,
    /// Tags that it gave to rows, once nothing forbade that; those of versions since overwritten too.
    given: BTreeSet<(i64, i64)>,
    held: BTreeSet<i64>,
    /// The row that it queues for, and its deletions when the statement began.
    queued: Option<(i64, u32)>,
    rows_done: usize,
    is_row_written: bool,
}

impl Model {
    pub fn begin(&mut self, me: TransactionId) {
        self.open.insert(me, Open::default());
    }

    pub fn execute(&mut self, me: TransactionId, step: &Step) -> Execution {
        let outcome = match step {
            Step::Read(id) => Ok(Answer::Rows(self.seen(me, *id).iter().map(Record::to_row).collect())),
            Step::Shelf(shelf) => Ok(Answer::Rows(self.shelf(me, *shelf))),
            Step::Lock(id) => self.hold(me, *id).map(|is_there| {
                let row = self.seen(me, *id).filter(|_| is_there);
                Answer::Rows(row.iter().map(Record::to_row).collect())
            }),
            Step::Insert(items) => self.insert(me, items),
            Step::Update(item) => self.update(me, item),
            Step::Delete(id) => self.hold(me, *id).map(|is_there| {
                if is_there {
                    self.write(me, *id, None);
                }
                Answer::Changed(u32::from(is_there))
            }),
        };
        if let Ok(answer) = outcome {
            let open = self.open.get_mut(&me).unwrap();
            (open.rows_done, open.is_row_written) = (0, false);
            return Execution::Done(answer);
        }
        outcome.unwrap_err()
    }

    /// Ends a transaction; what it wrote takes effect if it is committed.
    pub fn end(&mut self, me: TransactionId, is_committed: bool) {
        self.queues.values_mut().for_each(|queue| queue.retain(|&queued| queued != me));
        let ended = self.open.remove(&me).unwrap();
        for (id, versions) in ended.written.into_iter().filter(|_| is_committed) {
            if self.committed.contains_key(&id) && versions.contains(&None) {
                *self.deletions.entry(id).or_default() += 1;
                self.queues.remove(&id);
            }
            match versions.last().unwrap() {
                Some(item) => self.committed.insert(id, item.clone()),
                None => self.committed.remove(&id),
            };
        }
    }

    fn seen(&self, me: TransactionId, id: i64) -> Option<Item> {
        match self.open[&me].written.get(&id) {
            Some(versions) => versions.last().unwrap().clone(),
            None => self.committed.get(&id).cloned(),
        }
    }

    fn shelf(&self, me: TransactionId, shelf: i64) -> Vec<Row> {
        let mut items: Vec<Item> = self.ids().into_iter().filter_map(|id| self.seen(me, id)).collect();
        items.retain(|item| item.shelf == shelf);
        items.sort_by_key(|item| (item.amount, item.id));
        items.iter().map(Record::to_row).collect()
    }

    fn ids(&self) -> BTreeSet<i64> {
        let written = self.open.values().flat_map(|open| open.written.keys());
        self.committed.keys().chain(written).copied().collect()
    }

    fn writer(&self, id: i64, me: TransactionId) -> Option<TransactionId> {
        let mut open = self.open.iter();
        open.find(|(other, open)| **other != me && open.written.contains_key(&id)).map(|(other, _)| *other)
    }

    fn hold(&mut self, me: TransactionId, id: i64) -> Result<bool, Execution> {
        let deletions = self.deletions.get(&id).copied().unwrap_or(0);
        let queued = self.open.get_mut(&me).unwrap().queued.take();
        if queued.is_some_and(|queued| queued != (id, deletions)) || self.seen(me, id).is_none() {
            return Ok(false);
        }
        if self.open[&me].held.contains(&id) {
            return Ok(true);
        }
        let queue = self.queues.entry(id).or_default();
        if !queue.contains(&me) {
            queue.push(me);
        }
        let holder = self.open.iter().find(|(_, open)| open.held.contains(&id)).map(|(holder, _)| *holder);
        let first = queue[0];
        let open = self.open.get_mut(&me).unwrap();
        if holder.is_some() || first != me {
            open.queued = Some((id, deletions));
            return Err(Execution::Blocked { on: holder.unwrap_or(first) });
        }
        queue.remove(0);
        open.held.insert(id);
        Ok(true)
    }

    fn insert(&mut self, me: TransactionId, items: &[Item]) -> Result<Answer, Execution> {
        while let Some(item) = items.get(self.open[&me].rows_done) {
            if !self.open[&me].is_row_written {
                if let Some(writer) = self.writer(item.id, me) {
                    return Err(Execution::Blocked { on: writer });
                }
                if self.seen(me, item.id).is_some() {
                    return Err(Execution::Failed(DatabaseError::UniqueViolation {
                        table: Item::SCHEMA.id,
                        index: None,
                    }));
                }
                self.write(me, item.id, Some(item.clone()));
            }
            self.give_tag(me, item)?;
            let open = self.open.get_mut(&me).unwrap();
            (open.rows_done, open.is_row_written) = (open.rows_done + 1, false);
        }
        Ok(Answer::Changed(items.len() as u32))
    }

    fn update(&mut self, me: TransactionId, item: &Item) -> Result<Answer, Execution> {
        if !self.open[&me].is_row_written {
            if !self.hold(me, item.id)? {
                return Ok(Answer::Changed(0));
            }
            self.write(me, item.id, Some(item.clone()));
        }
        self.give_tag(me, item)?;
        Ok(Answer::Changed(1))
    }

    fn write(&mut self, me: TransactionId, id: i64, version: Option<Item>) {
        let open = self.open.get_mut(&me).unwrap();
        open.written.entry(id).or_default().push(version);
        open.held.insert(id);
        open.is_row_written = true;
    }

    /// Gives the row its tag. Any version of another row that has it, and may yet be or come back, decides.
    fn give_tag(&mut self, me: TransactionId, item: &Item) -> Result<(), Execution> {
        let Some(tag) = item.tag else { return Ok(()) };
        for id in self.ids().into_iter().filter(|id| *id != item.id) {
            let had_it = self.committed.get(&id).is_some_and(|item| item.tag == Some(tag));
            if !had_it && !self.open.values().any(|open| open.given.contains(&(tag, id))) {
                continue;
            }
            if let Some(writer) = self.writer(id, me) {
                return Err(Execution::Blocked { on: writer });
            }
            if self.seen(me, id).is_some_and(|item| item.tag == Some(tag)) {
                let (table, index) = (Item::SCHEMA.id, Some(Item::BY_TAG));
                return Err(Execution::Failed(DatabaseError::UniqueViolation { table, index }));
            }
        }
        self.open.get_mut(&me).unwrap().given.insert((tag, item.id));
        Ok(())
    }
}
