//! What the live client of PostgreSQL promises beyond its statements: errors, deadlines, and what becomes of a transaction that is
//! dropped.

use std::time::Duration;

use backends::postgres::{Postgres, definitions};
use conformance::database::real::address;
use conformance::database::tables::{Item, TABLES};
use conformance::live::{Inbox, LiveProcess};
use ports::database::{Database, DatabaseError, Isolation, Record, RowError, Statement, Transaction, Value};
use runtime::Time;
use tokio_postgres::{Config, NoTls};

/// Soon enough not to be waited for, and late enough for a local server.
const SOON: Duration = Duration::from_millis(200);

fn item(id: i64) -> Item {
    Item { id, tag: None, shelf: 0, amount: 0 }
}

fn later(span: Duration) -> Time {
    runtime::now() + span
}

fn far() -> Time {
    later(Duration::from_secs(60))
}

/// Fresh tables in a schema of their own, and a pool of two connections to them.
async fn database(mut config: Config) -> Postgres {
    config.options("-c search_path=conformance_client");
    let (client, connection) = config.connect(NoTls).await.expect("the server listens");
    drop(runtime::spawn(async move {
        // Whoever uses the client is told why it broke.
        let _ = connection.await;
    }));
    let fresh = "DROP SCHEMA IF EXISTS conformance_client CASCADE; CREATE SCHEMA conformance_client".to_owned();
    for command in std::iter::once(fresh).chain(definitions(Item::SCHEMA)) {
        client.batch_execute(&command).await.expect("the server takes the tables");
    }
    Postgres::new(config, TABLES, 2)
}

async fn begin(database: &Postgres, deadline: Time) -> <Postgres as Database>::Transaction {
    database.begin(Isolation::ReadCommitted, deadline).await.expect("a connection is free")
}

/// Whether anybody holds the row: nobody does whose transaction is over.
async fn is_free(database: &Postgres, id: i64) -> bool {
    let mut transaction = begin(database, far()).await;
    let row = transaction.get_for_update::<Item>(id).await.expect("the lock comes free");
    transaction.commit().await.expect("nothing forbids it");
    row.is_some()
}

async fn promises(config: Config) {
    let database = database(config).await;
    let mut writer = begin(&database, far()).await;
    writer.insert_all(&[item(1), item(2)]).await.unwrap();
    writer.commit().await.unwrap();

    // An error of the server aborts.
    let mut duplicate = begin(&database, far()).await;
    let violation = DatabaseError::UniqueViolation { table: Item::SCHEMA.id, index: None };
    assert_eq!(duplicate.insert(&item(1)).await, Err(violation));
    assert_eq!(duplicate.get::<Item>(1i64).await, Err(DatabaseError::TransactionAborted));
    assert_eq!(duplicate.commit().await, Err(DatabaseError::TransactionAborted));

    // So does a row that is not sent; and locks are let go at once.
    let mut misfit = begin(&database, far()).await;
    assert!(misfit.delete::<Item>(1i64).await.unwrap());
    let (table, row) = (Item::SCHEMA.id, vec![Value::Null; 4]);
    let refused = misfit.execute(Statement::Update { table, row }).await;
    assert_eq!(refused, Err(RowError::Value { table, column: 0 }.into()));
    assert!(is_free(&database, 1).await);
    assert_eq!(misfit.execute(Statement::Insert { table, rows: vec![] }).await, Err(DatabaseError::TransactionAborted));
    assert_eq!(misfit.rollback().await, Ok(()));

    // A deadline ends the wait for a lock, and the statement with it.
    let mut holder = begin(&database, far()).await;
    assert!(holder.update(&item(1)).await.unwrap());
    let mut waiter = begin(&database, later(SOON)).await;
    assert_eq!(waiter.delete::<Item>(1i64).await, Err(DatabaseError::DeadlineExceeded));
    assert_eq!(waiter.commit().await, Err(DatabaseError::ConnectionLost));
    assert_eq!(holder.commit().await, Ok(()));
    assert!(is_free(&database, 1).await, "the row is still there");

    // Two are open: a third waits for one of the pool's connections, in vain.
    let (mut first, second) = (begin(&database, far()).await, begin(&database, far()).await);
    let third = database.begin(Isolation::ReadCommitted, later(SOON)).await;
    assert_eq!(third.err(), Some(DatabaseError::PoolExhausted));

    // Dropped transactions are rolled back, and give their connections back.
    assert!(first.delete::<Item>(2i64).await.unwrap());
    drop(first);
    drop(second);
    assert!(is_free(&database, 2).await);

    // Nobody listens.
    let mut nowhere = Config::new();
    nowhere.host("127.0.0.1").port(1).user("postgres");
    let refused = Postgres::new(nowhere, TABLES, 1).begin(Isolation::ReadCommitted, far()).await;
    assert_eq!(refused.err(), Some(DatabaseError::ConnectionLost));
}

#[test]
fn the_live_client_keeps_the_ports_promises() {
    let config = match address() {
        Ok(config) => config,
        Err(skipped) => return println!("the_live_client_keeps_the_ports_promises: {skipped}"),
    };
    let mut process = LiveProcess::start(move |mut inbox: Inbox<(), ()>| {
        let config = config.clone();
        async move {
            while inbox.requests.recv().await.is_some() {
                promises(config.clone()).await;
                if inbox.answers.send(()).is_err() {
                    return;
                }
            }
        }
    });
    process.ask(());
}
