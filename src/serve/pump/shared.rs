//! What the threads of the pump share: the machine, and what it wants to be written. The lock is
//! never held while anything waits: what a stream takes at once is written under it, which spares
//! a change of threads; all else is left to the thread of that stream.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mcp::pump::{Action, End, Machine};
use process::stdio::AtOnce;

use super::{Connect, threads};

/// Bytes that wait for a slow reader on either side; above it, the other side is not read.
const QUEUE_BYTES_MAX: usize = 1 << 20;

/// What the threads share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// For whoever waits for the end.
    end: Condvar,
    /// For the thread that writes to the client.
    pub(super) client: Condvar,
    /// For the thread that writes to the host.
    pub(super) host: Condvar,
    /// For those who read: there is room again.
    room: Condvar,
    connect: Mutex<Connect>,
}

/// The machine and its queues.
pub(super) struct State {
    pub(super) machine: Machine,
    pub(super) to_client: Queue,
    pub(super) to_host: Queue,
    /// The number of the connection to a host; what older threads still bring is not taken.
    pub(super) connection: u64,
    /// That connection, to see whether the host has closed it; nothing once its end was noticed.
    pub(super) host: Option<UnixStream>,
    pub(super) end: Option<(End, Instant)>,
    pub(super) client_ended_at: Option<Instant>,
    /// Nobody reads what is said to the client.
    pub(super) client_gone: bool,
    connect_wanted: bool,
}

/// Bytes that wait to be written.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<u8>,
    pub(super) writing: bool,
    /// Nothing more will come.
    pub(super) closed: bool,
    /// The stream itself, as far as it can be written to without waiting.
    at_once: Option<AtOnce>,
}

impl Queue {
    fn to(stream: &impl AsFd) -> Self {
        Self { at_once: AtOnce::to(stream), ..Self::default() }
    }

    /// Writes at once what can be, in order, and keeps the rest; says whether there is a rest.
    fn push(&mut self, bytes: &[u8]) -> bool {
        let is_free = self.waiting.is_empty() && !self.writing && !self.closed;
        let at_once = self.at_once.as_ref().filter(|_| is_free);
        let written = at_once.map_or(0, |stream| stream.write(bytes));
        self.waiting.extend_from_slice(&bytes[written..]);
        written < bytes.len()
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        self.writing = true;
        std::mem::take(&mut self.waiting)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl State {
    pub(super) fn is_flushed(&self) -> bool {
        self.to_client.is_empty() && !self.to_client.writing
    }

    fn has_room(&self) -> bool {
        self.to_client.waiting.len() < QUEUE_BYTES_MAX && self.to_host.waiting.len() < QUEUE_BYTES_MAX
    }
}

impl Shared {
    pub(super) fn new(preamble: &[u8], connect: Connect, client: &File) -> Self {
        let state = State {
            machine: Machine::new(preamble),
            to_client: Queue::to(client),
            to_host: Queue::default(),
            connection: 0,
            host: None,
            end: None,
            client_ended_at: None,
            client_gone: false,
            connect_wanted: false,
        };
        Self {
            state: Mutex::new(state),
            end: Condvar::new(),
            client: Condvar::new(),
            host: Condvar::new(),
            room: Condvar::new(),
            connect: Mutex::new(connect),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_for_end<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match at_most {
            None => self.end.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(time) => self.end.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    pub(super) fn wait_on<'a>(
        &self,
        condition: &Condvar,
        state: MutexGuard<'a, State>,
    ) -> MutexGuard<'a, State> {
        condition.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once more may be read from the client, or nothing when all is over.
    pub(super) fn room_for_client(&self) -> Option<()> {
        let mut state = self.lock();
        loop {
            if state.end.is_some() || state.client_gone {
                return None;
            }
            if state.has_room() && state.machine.wants_client() {
                return Some(());
            }
            state = self.wait_on(&self.room, state);
        }
    }

    /// Returns once more may be read from the host of that connection, or nothing when it is over.
    /// Only the client's queue counts: a host that cannot be written to must still be read.
    pub(super) fn room_for_host(&self, connection: u64) -> Option<()> {
        let mut state = self.lock();
        loop {
            if state.connection != connection || state.client_gone {
                return None;
            }
            if state.to_client.waiting.len() < QUEUE_BYTES_MAX {
                return Some(());
            }
            state = self.wait_on(&self.room, state);
        }
    }

    /// Returns once the end of a host that is gone already was noticed: what the client says from then on
    /// is for the next one, and has not been lost with this one.
    pub(super) fn notice_end_of_host(&self) {
        let mut state = self.lock();
        while !state.client_gone
            && state.end.is_none()
            && state.host.as_ref().is_some_and(process::socket::is_closed_by_peer)
        {
            state = self.wait_on(&self.room, state);
        }
    }

    /// Does what the machine says, but for connecting: that is noted and done without the lock.
    pub(super) fn perform(&self, state: &mut State, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::ToClient(bytes) => {
                    if state.to_client.push(&bytes) {
                        self.client.notify_one();
                    }
                }
                Action::ToHost(bytes) => {
                    if state.to_host.push(&bytes) {
                        self.host.notify_all();
                    }
                }
                Action::CloseHost => {
                    state.to_host.closed = true;
                    self.host.notify_all();
                }
                Action::Connect => state.connect_wanted = true,
                Action::End(end) => {
                    state.end.get_or_insert((end, Instant::now()));
                    self.end.notify_all();
                    self.room.notify_all();
                }
            }
        }
    }

    /// The machine has moved, or something was written: readers may go on, the end may have come.
    pub(super) fn moved(&self, state: MutexGuard<'_, State>) {
        let ends = state.end.is_some() || state.client_ended_at.is_some() || state.client_gone;
        drop(state);
        self.room.notify_all();
        if ends {
            self.end.notify_all();
        }
    }

    /// Finds or starts a host as often as the machine wants one. Called by the thread whose bytes
    /// led to the wish; the other side is read on meanwhile.
    pub(super) fn connect(self: &Arc<Self>) {
        loop {
            {
                let mut state = self.lock();
                if !std::mem::take(&mut state.connect_wanted) {
                    return;
                }
            }
            let found = {
                let mut connect = self.connect.lock().unwrap_or_else(PoisonError::into_inner);
                connect()
            };
            match found {
                Ok(stream) => self.attach(stream),
                Err(why) => self.change(|machine| machine.host_failed(&why)),
            }
        }
    }

    fn attach(self: &Arc<Self>, stream: UnixStream) {
        let connection = {
            let mut state = self.lock();
            state.connection += 1;
            state.to_host = Queue::to(&stream);
            state.host = stream.try_clone().ok();
            let actions = state.machine.host_connected();
            self.perform(&mut state, actions);
            let connection = state.connection;
            self.moved(state);
            connection
        };
        if threads::host(self, stream, connection).is_err() {
            // Without threads the connection is of no use: it is as if the host had gone.
            {
                let mut state = self.lock();
                state.connection += 1;
                state.host = None;
                state.to_host.at_once = None;
            }
            self.change(Machine::host_end);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Machine) -> Vec<Action>) {
        let mut state = self.lock();
        let actions = change(&mut state.machine);
        self.perform(&mut state, actions);
        self.moved(state);
    }
}
