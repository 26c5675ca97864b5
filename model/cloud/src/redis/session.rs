//! One client's session: a command at a time, and messages once it has subscribed.

use std::rc::Rc;

use ports::cache::{Bytes, CacheError};
use runtime::net::Closed;

use super::node::Node;
use super::protocol::{ClientConnection, ClientFrame, ServerFrame};

/// What a session holds of its server, until it ends.
struct Session {
    node: Rc<Node>,
    number: u64,
    channels: Vec<Bytes>,
}

impl Drop for Session {
    fn drop(&mut self) {
        let node = &self.node;
        node.clients.set(node.clients.get() - 1);
        node.gauges.clients.add(-1);
        let mut subscribers = node.subscribers.borrow_mut();
        for channel in &self.channels {
            if let Some(connections) = subscribers.get_mut(channel) {
                connections.remove(&self.number);
                if connections.is_empty() {
                    subscribers.remove(channel);
                }
            }
        }
    }
}

/// Opens a session on its own task, if the server has room for another client.
pub(super) fn open(node: &Rc<Node>, connection: ClientConnection) {
    if node.clients.get() >= node.plan.server.max_clients {
        return connection.send(ServerFrame::Failed(CacheError::TooManyClients));
    }
    connection.keepalive(node.plan.server.keepalive_idle, node.plan.server.keepalive_give_up);
    let number = node.plan.sessions.get();
    node.plan.sessions.set(number + 1);
    node.clients.set(node.clients.get() + 1);
    node.gauges.clients.add(1);
    let mut session = Session { node: node.clone(), number, channels: Vec::new() };
    drop(runtime::spawn(async move {
        // Why the client went away makes no difference to the server.
        let _: Closed = session.serve(Rc::new(connection)).await;
    }));
}

impl Session {
    async fn serve(&mut self, connection: Rc<ClientConnection>) -> Closed {
        loop {
            let frame = match connection.recv().await {
                Ok(frame) => frame,
                Err(reason) => return reason,
            };
            let answer = match frame {
                ClientFrame::Hello => {
                    let _thread = self.node.thread.lock().await;
                    runtime::cpu::work(self.node.plan.server.connection_cpu).await;
                    ServerFrame::Ready
                }
                ClientFrame::Execute(command) => self.node.execute(&command).await,
                ClientFrame::Slots => {
                    let _thread = self.node.thread.lock().await;
                    runtime::cpu::work(self.node.work(1)).await;
                    self.node.slots()
                }
                ClientFrame::Subscribe(channels) => {
                    let _thread = self.node.thread.lock().await;
                    runtime::cpu::work(self.node.work(channels.len() as u64)).await;
                    let mut subscribers = self.node.subscribers.borrow_mut();
                    for channel in &channels {
                        subscribers.entry(channel.clone()).or_default().insert(self.number, connection.clone());
                    }
                    self.channels.extend(channels);
                    ServerFrame::Subscribed
                }
            };
            connection.send(answer);
        }
    }
}
