//! Raw connections: frames however they are cut, cancelled waits, refusals.

use std::time::Duration;

use runtime::net::{Closed, Connection, Listener, connect};

use crate::support::*;

/// Returns each frame, of each connection.
async fn echo() {
    let listener = Listener::<Vec<u8>, Vec<u8>>::bind(PORT).expect("the port is free");
    loop {
        let connection = listener.accept().await;
        drop(runtime::spawn(async move {
            while let Ok(frame) = connection.recv().await {
                connection.send(frame);
            }
        }));
    }
}

/// Sizes around everything that cuts: nothing at all, one read of the driver, a segment, a socket's buffer.
const SIZES: [usize; 9] = [0, 1, 3, 4_091, 4_092, 4_096, 65_536, 1 << 20, 5];

#[test]
fn frames_arrive_whole_and_in_order_however_they_are_cut() {
    let outcome = on_every_engine(|trial| {
        let (server, phone) = (trial.host("server"), trial.host("phone"));
        trial.process("echo", server, echo);
        trial.client(phone, move |notes| async move {
            let connection = connect::<Vec<u8>, Vec<u8>>(at(server)).await.expect("the server listens");
            let frames = (0u8..).zip(SIZES).map(|(number, size)| vec![number; size]);
            frames.clone().for_each(|frame| connection.send(frame));
            for frame in frames {
                notes.note(connection.recv().await.as_ref() == Ok(&frame));
            }
        });
    });
    assert_eq!(outcome.notes, ["true"; SIZES.len()]);
}

#[test]
fn a_cancelled_recv_loses_nothing() {
    const FRAMES: u32 = 500;
    let outcome = on_every_engine(|trial| {
        let (server, phone) = (trial.host("server"), trial.host("phone"));
        trial.process("counter", server, || async {
            let listener = Listener::<(u32, Vec<u8>), ()>::bind(PORT).expect("the port is free");
            let connection = listener.accept().await;
            for number in 0..FRAMES {
                connection.send((number, vec![0; 3_000]));
                if number % 7 == 0 {
                    runtime::sleep(Duration::from_micros(300)).await;
                }
            }
            runtime::task::forever().await; // the connection is this process's
        });
        trial.client(phone, move |notes| async move {
            let connection: Connection<(), (u32, Vec<u8>)> = connect(at(server)).await.expect("the server listens");
            let (mut received, mut cancelled) = (Vec::new(), 0);
            while received.len() < FRAMES as usize {
                match runtime::timeout(Duration::from_micros(50), connection.recv()).await {
                    Ok(frame) => received.push(frame.expect("the connection lives").0),
                    Err(_) => cancelled += 1,
                }
            }
            notes.note((received == (0..FRAMES).collect::<Vec<_>>(), cancelled > 0));
        });
    });
    assert_eq!(outcome.notes, ["(true, true)"]);
}

#[test]
fn another_frame_type_and_a_closed_port_are_refused() {
    let outcome = on_every_engine(|trial| {
        let (server, phone) = (trial.host("server"), trial.host("phone"));
        trial.process("echo", server, echo);
        trial.client(phone, move |notes| async move {
            notes.note(connect::<u64, u64>(at(server)).await.err());
            notes.note(connect::<Vec<u8>, Vec<u8>>(at(phone)).await.err());
            // The server is none the worse for it.
            let connection = connect::<Vec<u8>, Vec<u8>>(at(server)).await.expect("the server listens");
            connection.send(vec![1]);
            notes.note(connection.recv().await);
        });
    });
    assert_eq!(outcome.notes, ["Some(WrongProtocol)", "Some(Refused)", "Ok([1])"]);
}

#[test]
fn what_was_sent_before_a_close_arrives_before_it() {
    let outcome = on_every_engine(|trial| {
        let (server, phone) = (trial.host("server"), trial.host("phone"));
        trial.process("brief", server, || async {
            let listener = Listener::<u64, u64>::bind(PORT).expect("the port is free");
            let connection = listener.accept().await;
            connection.recv().await.expect("the client asks");
            (0..100).for_each(|number| connection.send(number));
            drop(connection);
            runtime::task::forever().await;
        });
        trial.client(phone, move |notes| async move {
            let connection = connect::<u64, u64>(at(server)).await.expect("the server listens");
            connection.send(0);
            let mut received = 0;
            let end = loop {
                match connection.recv().await {
                    Ok(_) => received += 1,
                    Err(reason) => break reason,
                }
            };
            notes.note((received, end == Closed::Finished));
        });
    });
    assert_eq!(outcome.notes, ["(100, true)"]);
}
