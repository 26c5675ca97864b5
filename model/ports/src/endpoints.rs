//! Where the replicas of one service answer, as far as the asker's host has been told.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use runtime::net::Address;

#[derive(Debug, Default)]
struct Inner {
    version: Cell<u64>,
    addresses: RefCell<Vec<Address>>,
}

/// The addresses of one service's replicas. Clones are the same list: whoever keeps it up to date has one, callers have others.
#[derive(Clone, Debug, Default)]
pub struct Endpoints(Rc<Inner>);

impl Endpoints {
    /// Replicas that stay where they are.
    #[must_use]
    pub fn fixed(addresses: Vec<Address>) -> Self {
        Endpoints(Rc::new(Inner { version: Cell::new(1), addresses: RefCell::new(addresses) }))
    }

    /// These are the replicas from now on.
    pub fn set(&self, addresses: Vec<Address>) {
        self.0.version.set(self.0.version.get() + 1);
        self.0.addresses.replace(addresses);
    }

    /// Raised whenever the list is set; zero as long as nobody has said anything.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version.get()
    }

    /// The list as it is. Not to be held over a wait.
    #[must_use]
    pub fn addresses(&self) -> Ref<'_, Vec<Address>> {
        self.0.addresses.borrow()
    }
}
