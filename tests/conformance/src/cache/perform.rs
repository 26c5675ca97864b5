//! Doing what a script says, through the port, whoever is behind it.

use std::time::Duration;

use ports::cache::{Bytes, Cache, CacheError, Command, Message, Reply, Subscription};
use runtime::Time;

use super::generate::{CHANNELS, KEYS};
use super::{Script, Step};

/// Longer than any answer takes.
const LIMIT: Duration = Duration::from_secs(20);

/// After it, a key that was given a millisecond has expired on any clock.
const BRIEFLY: Duration = Duration::from_millis(20);

/// Before a server is asked again whether it still knows of subscribers who are gone.
const PAUSE: Duration = Duration::from_millis(1);

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The answer; [`Reply::Ok`] of a subscription.
    pub answer: Result<Reply, CacheError>,
    /// After something was published: what each subscription to its channel heard, in the order in which they were opened.
    pub heard: Vec<Result<Message, CacheError>>,
}

fn deadline() -> Time {
    runtime::now() + LIMIT
}

/// Does what the script says, each session with a client of its own, on a server that holds nothing of an earlier script afterwards.
pub async fn perform<C: Cache>(clients: &[C], script: &Script) -> Vec<Happened> {
    let mut subscriptions: Vec<(Vec<Bytes>, C::Subscription)> = Vec::new();
    let mut happened = Vec::with_capacity(script.0.len());
    for step in &script.0 {
        let mut heard = Vec::new();
        let answer = match step {
            Step::Execute(session, command) => {
                let answer = clients[*session].execute(command.clone(), deadline()).await;
                if let (Command::Publish(message), Ok(_)) = (command, &answer) {
                    for (_, subscription) in subscriptions.iter_mut().filter(|of| of.0.contains(&message.channel)) {
                        let next = runtime::timeout(LIMIT, subscription.next()).await;
                        heard.push(next.unwrap_or(Err(CacheError::DeadlineExceeded)));
                    }
                }
                answer
            }
            Step::Brief(session, command) => {
                let answer = clients[*session].execute(command.clone(), deadline()).await;
                runtime::sleep(BRIEFLY).await;
                answer
            }
            Step::Subscribe(session, channels) => {
                let opened = clients[*session].subscribe(channels.clone(), deadline()).await;
                opened.map(|subscription| {
                    subscriptions.push((channels.clone(), subscription));
                    Reply::Ok
                })
            }
        };
        happened.push(Happened { answer, heard });
    }
    drop(subscriptions);
    clean(&clients[0]).await;
    happened
}

/// Removes every key of scripts, and returns once the server knows of no subscriber.
async fn clean<C: Cache>(client: &C) {
    let keys = KEYS.iter().map(|key| key.to_vec()).collect();
    client.execute(Command::Del { keys }, deadline()).await.expect("any key may be removed");
    for channel in CHANNELS {
        while client.publish(*channel, "", deadline()).await.expect("anybody may publish") > 0 {
            runtime::sleep(PAUSE).await;
        }
    }
}
