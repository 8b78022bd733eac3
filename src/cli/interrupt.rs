//! Ctrl-C while something is watched: the watching ends, never the task.

use std::io::Write as _;

/// What is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Waiting for an end: the command ends without its answer.
    Waiting {
        /// Say nothing about it.
        quiet: bool,
    },
    /// Following a stream: leaving it is how it ends.
    Following,
}

impl Manner {
    const fn exit_code(self) -> i32 {
        match self {
            Self::Waiting { .. } => 130,
            Self::Following => 0,
        }
    }
}

/// Listens for as long as it lives.
pub struct Listening {
    _stop: tokio::sync::oneshot::Sender<()>,
}

/// Ends the process with the contract's code when it is interrupted. Where no signal can be listened
/// to, the system's own way stays: the process ends by the signal.
pub fn exit_when_interrupted(manner: Manner) -> Listening {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    // The thread ends with the process, or when the listener is dropped.
    let _thread = std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        let interrupted = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = stopped => false,
                signal = tokio::signal::ctrl_c() => signal.is_ok(),
            }
        });
        if interrupted {
            leave(manner);
        }
    });
    Listening { _stop: stop }
}

/// Ends the process with 0 when the reader of stdout has left, also while there is nothing to write.
pub fn exit_when_reader_left() {
    // The thread ends with the process. Where it cannot start, the next thing that is written tells it.
    let _thread = std::thread::Builder::new().name("reader".to_owned()).spawn(|| {
        if process::stdio::wait_reader_gone(&std::io::stdout()).is_ok() {
            leave(Manner::Following);
        }
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "only a read-only connection is open, and nothing is half done"
)]
fn leave(manner: Manner) {
    if manner == (Manner::Waiting { quiet: false }) {
        let _unheard = writeln!(std::io::stderr(), "\ninterrupted; the task goes on");
    }
    std::process::exit(manner.exit_code());
}
