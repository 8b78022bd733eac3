//! The threads of the pump: two for the client, two for each host. Each reads or writes one
//! stream and ends with it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Instant;

use super::shared::Shared;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// They call little and hold their buffers on the heap.
const STACK_BYTES: usize = 256 << 10;

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(run).map(|_| ())
}

/// Reads what the client says.
pub(super) fn client_reader(shared: &Arc<Shared>, mut from: File) -> io::Result<()> {
    let shared = Arc::clone(shared);
    start("client reader", move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        while shared.room_for_client().is_some() {
            let length = read(&mut from, &mut chunk);
            shared.notice_end_of_host();
            let mut state = shared.lock();
            let actions = if length == 0 {
                state.client_ended_at = Some(Instant::now());
                state.machine.client_end()
            } else {
                state.machine.client_bytes(&chunk[..length])
            };
            shared.perform(&mut state, actions);
            shared.moved(state);
            shared.connect();
            if length == 0 {
                return;
            }
        }
    })
}

/// Writes what is said to the client.
pub(super) fn client_writer(shared: &Arc<Shared>, mut to: File) -> io::Result<()> {
    let shared = Arc::clone(shared);
    start("client writer", move || {
        loop {
            let bytes = {
                let mut state = shared.lock();
                while state.to_client.is_empty() {
                    state = shared.wait_on(&shared.client, state);
                }
                state.to_client.take()
            };
            let written = to.write_all(&bytes).and_then(|()| to.flush());
            let mut state = shared.lock();
            state.to_client.writing = false;
            state.client_gone = written.is_err();
            shared.moved(state);
            if written.is_err() {
                return;
            }
        }
    })
}

/// Reads and writes one connection to a host.
pub(super) fn host(shared: &Arc<Shared>, stream: UnixStream, connection: u64) -> io::Result<()> {
    let to = stream.try_clone()?;
    let writing = Arc::clone(shared);
    start("host writer", move || write_to_host(&writing, to, connection))?;
    let reading = Arc::clone(shared);
    start("host reader", move || read_from_host(&reading, stream, connection))
}

fn write_to_host(shared: &Shared, mut to: UnixStream, connection: u64) {
    loop {
        let (bytes, last) = {
            let mut state = shared.lock();
            loop {
                if state.connection != connection || state.client_gone {
                    return;
                }
                if !state.to_host.is_empty() || state.to_host.closed {
                    break (state.to_host.take(), state.to_host.closed);
                }
                state = shared.wait_on(&shared.host, state);
            }
        };
        // A host that cannot be written to is gone: its reader will see that, and tell.
        let written = to.write_all(&bytes);
        let mut state = shared.lock();
        if state.connection == connection {
            state.to_host.writing = false;
        }
        shared.moved(state);
        if written.is_err() {
            return;
        }
        if last {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
    }
}

fn read_from_host(shared: &Arc<Shared>, mut from: UnixStream, connection: u64) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while shared.room_for_host(connection).is_some() {
        let length = read(&mut from, &mut chunk);
        let mut state = shared.lock();
        if state.connection != connection {
            return;
        }
        let actions = if length == 0 {
            // Whoever still writes to it ends.
            state.connection += 1;
            state.host = None;
            state.machine.host_end()
        } else {
            state.machine.host_bytes(&chunk[..length])
        };
        shared.perform(&mut state, actions);
        if state.connection != connection {
            shared.host.notify_all();
        }
        shared.moved(state);
        if length == 0 {
            let _ = from.shutdown(Shutdown::Both);
            shared.connect();
            return;
        }
    }
}

/// Returns how much was read; nothing at the end, and nothing more after an error.
fn read(from: &mut impl Read, chunk: &mut [u8]) -> usize {
    loop {
        match from.read(chunk) {
            Ok(length) => return length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return 0,
        }
    }
}
