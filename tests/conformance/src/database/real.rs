//! PostgreSQL as a subject: sessions of the live client, each with a connection of its own, and an observer that sees in the
//! server's own lock table who waits for whom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backends::postgres::{Postgres, definitions};
use ports::database::{Database, DatabaseError, Isolation, Row, Statement, TableId, Transaction};
use runtime::Time;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_postgres::{Client, Config, NoTls};

use super::Script;
use super::generate::SESSIONS_MAX;
use super::recording::{Reply, Subject};
use super::script::Action;
use super::tables::TABLES;
use crate::live::{Inbox, LiveProcess};

/// Where the server is, in libpq's words.
pub const ADDRESS_VARIABLE: &str = "REHEARSAL_POSTGRES";

/// Longer than anything that a script's statement waits for.
const LIMIT: Duration = Duration::from_secs(60);

/// Who waits for a lock, and who holds it: from one look at the lock table, so that it is true of one instant. SIREAD locks remember
/// what was read, and keep nobody waiting.
const WAITS: &str = "WITH locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE pid = ANY ($1))
    SELECT waiter.pid, holder.pid FROM locks waiter JOIN locks holder
    ON holder.granted AND holder.mode <> 'SIReadLock' AND NOT waiter.granted AND holder.pid <> waiter.pid AND holder.locktype = waiter.locktype
    AND holder.transactionid IS NOT DISTINCT FROM waiter.transactionid
    AND holder.relation IS NOT DISTINCT FROM waiter.relation
    AND holder.page IS NOT DISTINCT FROM waiter.page AND holder.tuple IS NOT DISTINCT FROM waiter.tuple";

/// The server's address, or how to have one.
///
/// # Errors
/// What to say in place of a test.
pub fn address() -> Result<Config, String> {
    match std::env::var(ADDRESS_VARIABLE) {
        Ok(address) => Ok(address.parse().unwrap_or_else(|error| panic!("{ADDRESS_VARIABLE} is no address: {error}"))),
        Err(_) => Err(format!(
            "SKIPPED: no PostgreSQL 15. Install Debian's postgresql-15, then: \
             export {ADDRESS_VARIABLE}=\"$(ci/postgres start DIR)\""
        )),
    }
}

enum Request {
    Begin(Vec<(TableId, Row)>),
    Act(usize, Action),
}

/// A schema of its own on a real server.
pub struct Real(LiveProcess<Request, Vec<(usize, Reply)>>);

impl Real {
    /// Makes the tables in a schema of this name, in place of what was there.
    #[must_use]
    pub fn connect(config: &Config, schema: &'static str) -> Self {
        let config = config.clone();
        Real(LiveProcess::start(move |inbox| serve(config.clone(), schema, inbox)))
    }

    /// Fills the tables with what a script begins with.
    pub fn begin(&mut self, script: &Script) {
        self.0.ask(Request::Begin(script.rows.clone()));
    }
}

impl Subject for Real {
    fn act(&mut self, session: usize, action: &Action) -> Vec<(usize, Reply)> {
        self.0.ask(Request::Act(session, action.clone()))
    }
}

/// Everything in the live world.
struct Server {
    observer: Client,
    sessions: Vec<UnboundedSender<Action>>,
    replies: UnboundedReceiver<(usize, Reply)>,
    /// The sessions' processes at the server.
    processes: BTreeMap<i32, usize>,
    /// Sessions that have not been answered.
    asking: BTreeSet<usize>,
    /// Sessions that were told of an error. PostgreSQL lets go of their locks a moment after.
    failed: BTreeSet<usize>,
}

async fn serve(config: Config, schema: &'static str, mut inbox: Inbox<Request, Vec<(usize, Reply)>>) {
    let mut server = Server::connect(config, schema).await;
    while let Some(request) = inbox.requests.recv().await {
        let answer = match request {
            Request::Begin(rows) => {
                server.fill(rows).await;
                Vec::new()
            }
            Request::Act(session, action) => {
                server.ask(session, action);
                server.come_to_rest().await
            }
        };
        if inbox.answers.send(answer).is_err() {
            return;
        }
    }
}

impl Server {
    async fn connect(mut config: Config, schema: &str) -> Self {
        // Index scans, as a table of any size would have: a scan of a whole table is a read of all of it at SERIALIZABLE.
        config.options(format!("-c search_path={schema} -c enable_seqscan=off -c enable_bitmapscan=off"));
        let observer = connect(&config).await;
        let fresh = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        let tables = TABLES.iter().flat_map(|schema| definitions(schema));
        for command in std::iter::once(fresh).chain(tables) {
            observer.batch_execute(&command).await.unwrap_or_else(|error| panic!("{command}: {error}"));
        }
        let (replied, replies) = unbounded_channel();
        let mut server = Server {
            observer,
            sessions: Vec::new(),
            replies,
            processes: BTreeMap::new(),
            asking: BTreeSet::new(),
            failed: BTreeSet::new(),
        };
        for session in 0..SESSIONS_MAX {
            let name = format!("{schema}-{session}");
            let mut config = config.clone();
            config.application_name(&name);
            let (actions, received) = unbounded_channel();
            drop(runtime::spawn(act(session, Postgres::new(config, TABLES, 1), received, replied.clone())));
            server.sessions.push(actions);
            let everything = super::tables::read_everything().remove(0);
            for action in [Action::Execute(Isolation::ReadCommitted, everything), Action::Commit] {
                server.ask(session, action);
                server.come_to_rest().await;
            }
            let query = "SELECT pid FROM pg_stat_activity WHERE application_name = $1";
            let row = server.observer.query_one(query, &[&name]).await.expect("each session has one connection");
            server.processes.insert(row.get(0), session);
        }
        server
    }

    async fn fill(&mut self, rows: Vec<(TableId, Row)>) {
        let names: Vec<String> = TABLES.iter().map(|schema| format!("\"{}\"", schema.name)).collect();
        let command = format!("TRUNCATE {}", names.join(", "));
        self.observer.batch_execute(&command).await.expect("no session has a transaction open");
        let level = Isolation::ReadCommitted;
        let inserts =
            rows.into_iter().map(|(table, row)| Action::Execute(level, Statement::Insert { table, rows: vec![row] }));
        for action in inserts.chain([Action::Commit]) {
            self.ask(0, action);
            let replies = self.come_to_rest().await;
            assert!(!matches!(replies[0].1, Reply::Failed(_)), "rows to begin with fit: {replies:?}");
        }
    }

    fn ask(&mut self, session: usize, action: Action) {
        assert!(self.asking.insert(session), "who waits does not act");
        self.failed.remove(&session);
        self.sessions[session].send(action).expect("sessions live as long as the server");
    }

    /// Waits until every session is answered, or waits for a lock that another holds, with no cycle among them. Then nothing moves any
    /// more: a cycle the server breaks in its own time, and who was given a lock is not in the lock table's queues.
    async fn come_to_rest(&mut self) -> Vec<(usize, Reply)> {
        let started = runtime::now();
        let mut heard = BTreeMap::new();
        // Nobody else can move while nobody waits: the answer comes, or the one who acts waits itself.
        if self.asking.len() == 1
            && let Ok(Some((session, reply))) = runtime::timeout(Duration::from_millis(2), self.replies.recv()).await
        {
            self.hear(session, reply, &mut heard);
        }
        while !self.asking.is_empty() {
            let asking = self.asking.clone();
            let waits = self.waits().await;
            while let Ok((session, reply)) = self.replies.try_recv() {
                self.hear(session, reply, &mut heard);
            }
            // All that ask: also those whose answers came while the lock table was looked at.
            let each_waits = asking.iter().all(|session| waits.contains_key(session));
            let for_failed = waits.values().flatten().any(|holder| self.failed.contains(holder));
            if each_waits && !for_failed && !has_cycle(&waits) {
                break;
            }
            assert!(runtime::now().since(started) < LIMIT, "{:?} do not come to rest: {waits:?}", self.asking);
        }
        heard.into_iter().collect()
    }

    fn hear(&mut self, session: usize, reply: Reply, heard: &mut BTreeMap<usize, Reply>) {
        self.asking.remove(&session);
        if matches!(&reply, Reply::Failed(error) if *error != DatabaseError::TransactionAborted) {
            self.failed.insert(session);
        }
        heard.insert(session, reply);
    }

    /// For each session that waits, those who hold what it waits for.
    async fn waits(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let processes: Vec<i32> = self.processes.keys().copied().collect();
        let rows = self.observer.query(WAITS, &[&processes]).await.expect("the lock table can be read");
        let mut waits: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for row in rows {
            let (waiter, holder) = (self.processes[&row.get::<_, i32>(0)], self.processes[&row.get::<_, i32>(1)]);
            waits.entry(waiter).or_default().insert(holder);
        }
        waits
    }
}

/// Whether somebody waits, in the end, for itself.
fn has_cycle(waits: &BTreeMap<usize, BTreeSet<usize>>) -> bool {
    let mut left = waits.clone();
    // Whoever waits for nobody who waits is in no cycle.
    loop {
        let waiting: BTreeSet<usize> = left.keys().copied().collect();
        let before = left.len();
        left.retain(|_, holders| holders.iter().any(|holder| waiting.contains(holder)));
        if left.len() == before {
            return before > 0;
        }
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap_or_else(|error| panic!("{config:?}: {error}"));
    drop(runtime::spawn(async move {
        // Whoever uses the client is told why it broke.
        let _ = connection.await;
    }));
    client
}

/// One session: does what it is told through the port.
async fn act(
    session: usize,
    database: Postgres,
    mut actions: UnboundedReceiver<Action>,
    replies: UnboundedSender<(usize, Reply)>,
) {
    let mut open: Option<<Postgres as Database>::Transaction> = None;
    while let Some(action) = actions.recv().await {
        let reply = match action {
            Action::Execute(isolation, statement) => {
                let mut transaction = match open.take() {
                    Some(transaction) => transaction,
                    None => database.begin(isolation, far()).await.expect("the server takes the suite's sessions"),
                };
                let outcome = transaction.execute(statement).await;
                open = Some(transaction);
                outcome.map_or_else(Reply::Failed, Reply::Answer)
            }
            Action::Commit => end(match open.take() {
                Some(transaction) => transaction.commit().await,
                None => Ok(()),
            }),
            Action::Rollback => end(match open.take() {
                Some(transaction) => transaction.rollback().await,
                None => Ok(()),
            }),
        };
        if replies.send((session, reply)).is_err() {
            return;
        }
    }
}

fn end(outcome: Result<(), DatabaseError>) -> Reply {
    outcome.map_or_else(Reply::Failed, |()| Reply::Ended)
}

fn far() -> Time {
    runtime::now() + LIMIT * 2
}
