//! `modelscan nexora`: our own agent, the Agent Client Protocol on stdin and stdout.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::JoinHandle;

use nexora::face::{self, Options};
use process::Spawner;
use process::reaper::Registry;

use super::context::Context;
use super::output::{Exit, Outcome};
use crate::config::Places;
use crate::error::Error;
use crate::telemetry::{self, Level};

/// Runs the command. Nothing but the protocol goes to stdout.
pub fn run(ctx: &Context<'_>) -> Outcome {
    telemetry::to_stderr(ctx.choices.log.unwrap_or(Level::Warn))?;
    serve(ctx).map_err(|error| Error::internal(format!("run the agent: {error}")))?;
    Ok(Exit::OK)
}

fn serve(ctx: &Context<'_>) -> io::Result<()> {
    let mut to_client = process::stdio::take_protocol_stdout()?;
    let mut from_client = process::stdio::protocol_stdin()?;
    // Whatever the two streams are (pipes, sockets, a terminal, files), threads carry their bytes to a
    // socket pair, which a runtime can wait for.
    let (ours, theirs) = UnixStream::pair()?;
    let mut inward = theirs.try_clone()?;
    let mut outward = theirs;
    thread("from-client", move || {
        carry(&mut from_client, &mut inward);
        let _gone = inward.shutdown(Shutdown::Write);
    })?;
    let writing = thread("to-client", move || {
        carry(&mut outward, &mut to_client);
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        ours.set_nonblocking(true)?;
        let (reader, writer) = tokio::net::UnixStream::from_std(ours)?.into_split();
        face::run(reader, writer, options(ctx)?).await;
        io::Result::Ok(())
    })?;
    drop(runtime);
    // What was written last is on its way when this thread has ended.
    writing.join().map_err(|_| io::Error::other("the writing thread failed"))
}

/// Carries bytes until one side is gone. Not `io::copy`: it would splice, and a splice that waits for bytes
/// holds the lock of the pipe, so that the reader at its other end hangs in the kernel.
fn carry(from: &mut impl io::Read, to: &mut impl io::Write) {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                if to.write_all(&chunk[..count]).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn options(ctx: &Context<'_>) -> io::Result<Options> {
    Ok(Options {
        toolbox: nexora::tools::builtin(),
        skills: skills(ctx),
        env: ctx.env.text(),
        spawner: Some(Spawner::new(Registry::new())?),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Returns the folder of the user's skills; without a place for it there are only those in the program.
fn skills(ctx: &Context<'_>) -> Option<PathBuf> {
    Places::find(ctx.env, ctx.choices.home.as_deref(), None).ok().map(|places| places.skills)
}
