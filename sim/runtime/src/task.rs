//! Tasks of the current process: they die with it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use crate::backend::{self, LocalFuture, TaskId};

struct Join<T> {
    value: Option<T>,
    waiter: Option<Waker>,
}

/// The result of a task to come. Dropping it lets the task go on.
pub struct JoinHandle<T> {
    task: TaskId,
    join: Rc<RefCell<Join<T>>>,
}

impl<T> JoinHandle<T> {
    /// Drops the task where it stands.
    pub fn abort(&self) {
        backend::with(|backend| backend.abort(self.task));
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut join = self.join.borrow_mut();
        match join.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                join.waiter = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Starts a task in the current process.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let join = Rc::new(RefCell::new(Join { value: None, waiter: None }));
    let task = spawn_detached(Box::pin(Joined { future, join: join.clone() }));
    JoinHandle { task, join }
}

pin_project! {
    /// A task, and where its value goes. Not an `async` block: that would hold the future twice, as what it captured and as what it awaits.
    struct Joined<F: Future> {
        #[pin]
        future: F,
        join: Rc<RefCell<Join<F::Output>>>,
    }
}

impl<F: Future> Future for Joined<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = self.project();
        let value = ready!(task.future.poll(context));
        let waiter = {
            let mut join = task.join.borrow_mut();
            join.value = Some(value);
            join.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        Poll::Ready(())
    }
}

/// Starts a task nobody waits for: one allocation fewer.
pub(crate) fn spawn_detached(task: LocalFuture) -> TaskId {
    backend::with(|backend| backend.spawn(task))
}

/// Lets every other task that is ready now run first.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Stays in its process until it ends: what a server does once its ports are open.
pub async fn forever() {
    std::future::pending().await
}
