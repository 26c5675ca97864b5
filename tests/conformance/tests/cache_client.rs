//! The live client of Redis where all is not well: what the port promises about deadlines and lost connections.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use backends::redis::Redis;
use conformance::cache::real::address;
use conformance::live::{Inbox, LiveProcess};
use ports::cache::{Cache, CacheError, Command, Condition, Expiry, Reply};

type Asked = (Command, Duration);
type Answer = Result<Reply, CacheError>;

/// A process with a client of the server at this address.
fn client(address: &str) -> LiveProcess<Asked, Answer> {
    let address = address.to_owned();
    LiveProcess::start(move |mut inbox: Inbox<Asked, Answer>| {
        let redis = Redis::new(&address).unwrap_or_else(|error| panic!("{error}"));
        async move {
            while let Some((command, limit)) = inbox.requests.recv().await {
                let answer = redis.execute(command, runtime::now() + limit).await;
                if inbox.answers.send(answer).is_err() {
                    return;
                }
            }
        }
    })
}

const LONG: Duration = Duration::from_secs(20);

fn get(key: &str) -> Command {
    Command::Get { key: key.into() }
}

fn set(key: &str) -> Command {
    let (condition, expiry) = (Condition::Always, Expiry::Never);
    Command::Set { key: key.into(), value: b"v".to_vec(), condition, expiry, get: false }
}

#[test]
fn where_nobody_listens_nothing_was_done() {
    let mut client = client("redis+unix:///nowhere/redis.sock");
    assert_eq!(client.ask((get("k"), LONG)), Err(CacheError::ConnectionLost));
    assert_eq!(client.ask((set("k"), LONG)), Err(CacheError::ConnectionLost));
}

#[test]
fn an_address_that_is_none_is_refused_with_its_words() {
    let refused = Redis::new("not an address").err().expect("that is none");
    assert!(refused.to_string().starts_with("failed to read not an address as the address"), "{refused}");
}

#[test]
fn a_write_whose_answer_is_late_may_have_happened_and_a_read_did_not() {
    let address = match address() {
        Ok(address) => address,
        Err(skipped) => return println!("{skipped}"),
    };
    let (mut client, key) = (client(&address), "late");
    assert_eq!(client.ask((Command::Del { keys: vec![key.into()] }, LONG)), Ok(Reply::Integer(0)));
    // For a second the server takes commands, and answers none.
    let path = address.strip_prefix("redis+unix://").expect("ci/redis starts a server behind a socket");
    let mut operator = UnixStream::connect(path).expect("the server listens");
    operator.write_all(b"CLIENT PAUSE 1000 ALL\r\n").expect("the server reads");
    let mut heard = [0; 5];
    operator.read_exact(&mut heard).expect("the server answers");
    assert_eq!(&heard, b"+OK\r\n");
    assert_eq!(client.ask((get(key), Duration::from_millis(50))), Err(CacheError::DeadlineExceeded));
    assert_eq!(client.ask((set(key), Duration::from_millis(50))), Err(CacheError::OutcomeUnknown));
    assert_eq!(client.ask((get(key), LONG)), Ok(Reply::Bulk(b"v".to_vec())), "this one did happen");
    assert_eq!(client.ask((Command::Del { keys: vec![key.into()] }, LONG)), Ok(Reply::Integer(1)));
}
