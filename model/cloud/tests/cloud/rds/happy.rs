//! All is well.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ports::database::{Database, Isolation, Transaction};

use super::support::*;

#[test]
fn what_one_client_commits_another_sees_and_what_it_rolls_back_nobody_does() {
    let mut scene = Setup::default().build();
    let seen = Rc::new(RefCell::new(Vec::new()));
    scene.client("one", "a", |client| async move {
        runtime::sleep(Duration::from_secs(1)).await;
        insert(&client, 7, Duration::from_secs(1)).await.unwrap();
        let deadline = runtime::now() + Duration::from_secs(1);
        let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
        transaction.insert(&Entry { id: 8, amount: 1 }).await.unwrap();
        transaction.rollback().await.unwrap();
        let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
        transaction.insert(&Entry { id: 9, amount: 1 }).await.unwrap();
        drop(transaction);
        insert(&client, 10, Duration::from_secs(1)).await.unwrap();
    });
    let noted = seen.clone();
    scene.client("two", "c", move |client| {
        let seen = noted.clone();
        async move {
            runtime::sleep(Duration::from_secs(3)).await;
            let deadline = runtime::now() + Duration::from_secs(1);
            let mut transaction = client.begin(Isolation::ReadCommitted, deadline).await.unwrap();
            for id in 6..12 {
                if let Some(entry) = transaction.get::<Entry>(id).await.unwrap() {
                    seen.borrow_mut().push(entry.id);
                }
            }
            transaction.commit().await.unwrap();
        }
    });
    scene.run(5);
    assert_eq!(*seen.borrow(), [7, 10]);
    assert_eq!(scene.acknowledged().len(), 2);
}
