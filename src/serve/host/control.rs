//! The control protocol, host's side: requests are done one after the other, in the order in which they
//! came; a watch tells of new events beside them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::Clock as _;
use runtime::host::StopMode;
use runtime::operations::{self, OperationError};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::control::{Answer, Ask, CONTROL_LINE_BYTES_MAX, Request, SubmitRequest, Welcome};

use super::shared::Shared;
use crate::error::{Error, Kind};
use crate::system::SystemClock;

/// How many answers wait for a client that does not read; then its requests wait too.
const ANSWERS_MAX: usize = 64;

/// How many watches one connection may have.
const WATCHES_MAX: usize = 16;

/// How long a client may take to read an answer.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// Serves one connection until its client has gone, or the host closes.
pub(super) async fn serve(
    mut reader: BufReader<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
    welcome: Welcome,
    shared: &Arc<Shared>,
) {
    let (answers, mut outgoing) = mpsc::channel::<Vec<u8>>(ANSWERS_MAX);
    if answers.try_send(line(&welcome)).is_err() {
        return;
    }
    let reading = async {
        let mut watches = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = shared.closing.cancelled() => break,
                read = next_line(&mut reader) => match read {
                    Ok(Some(text)) => request(&text, shared, &answers, &mut watches).await,
                    Ok(None) => break,
                    Err(error) => {
                        let _ = answers.send(line(&Answer { id: 0, result: None, error: Some(error.body()) })).await;
                        break;
                    }
                },
            }
        }
        watches.shutdown().await;
        drop(answers);
    };
    let writing = async {
        while let Some(bytes) = outgoing.recv().await {
            match tokio::time::timeout(WRITE_LIMIT, writer.write_all(&bytes)).await {
                Ok(Ok(())) => {}
                // The client has gone or does not read: nothing more can be said to it.
                Ok(Err(_)) | Err(_) => break,
            }
        }
        outgoing.close();
        while outgoing.recv().await.is_some() {}
    };
    tokio::join!(reading, writing);
}

/// Reads one line; nothing at the end.
async fn next_line(reader: &mut BufReader<OwnedReadHalf>) -> Result<Option<Vec<u8>>, Error> {
    let mut text = Vec::new();
    let most = u64::try_from(CONTROL_LINE_BYTES_MAX).unwrap_or(u64::MAX);
    match reader.take(most).read_until(b'\n', &mut text).await {
        Ok(0) | Err(_) => Ok(None),
        Ok(_) if text.last() == Some(&b'\n') => Ok(Some(text)),
        Ok(count) if count >= CONTROL_LINE_BYTES_MAX => Err(Error::new(
            Kind::TooLarge,
            format!("a request is longer than {CONTROL_LINE_BYTES_MAX} bytes"),
        )),
        // A half line at the end is no request: nothing of it is done.
        Ok(_) => Ok(None),
    }
}

async fn request(
    text: &[u8],
    shared: &Arc<Shared>,
    answers: &mpsc::Sender<Vec<u8>>,
    watches: &mut JoinSet<()>,
) {
    let request: Request = match serde_json::from_slice(text) {
        Ok(request) => request,
        Err(error) => {
            let error = Error::new(Kind::BadInput, format!("the request cannot be read: {error}"));
            let _ = answers.send(line(&Answer { id: 0, result: None, error: Some(error.body()) })).await;
            return;
        }
    };
    let id = request.id;
    if request.ask == (Ask::Watch {}) {
        if watches.len() >= WATCHES_MAX {
            let error = Error::new(Kind::Busy, format!("more than {WATCHES_MAX} watches on one connection"));
            let _ = answers.send(line(&Answer { id, result: None, error: Some(error.body()) })).await;
            return;
        }
        watches.spawn(watch(id, Arc::clone(shared), answers.clone()));
        return;
    }
    let answer = match done(request.ask, shared).await {
        Ok(result) => Answer { id, result: Some(result), error: None },
        Err(error) => Answer { id, result: None, error: Some(error.body()) },
    };
    let _ = answers.send(line(&answer)).await;
}

async fn done(ask: Ask, shared: &Arc<Shared>) -> Result<Value, Error> {
    match ask {
        Ask::Ping {} | Ask::Watch {} => Ok(Value::Null),
        Ask::Submit { task } => value(&submit(*task, shared).await?),
        Ask::Cancel { ids, why } => value(&shared.handle.task_cancel(&ids, why).await.map_err(Error::from)?),
        Ask::Resume { id } => value(&shared.handle.task_resume(&id).await.map_err(Error::from)?),
        Ask::Status {} => status(shared).await,
        Ask::Stop { now } => {
            let mode = if now { StopMode::Now } else { StopMode::Drain };
            // Full: it has been told often enough.
            let _ = shared.stops.try_send(mode);
            Ok(Value::Null)
        }
    }
}

async fn submit(request: SubmitRequest, shared: &Arc<Shared>) -> Result<wire::views::TaskSummary, Error> {
    let (config, shelf) = (shared.handle.config(), Arc::clone(&shared.shelf));
    // Looks at the file system, which may be slow.
    let submission =
        blocking(move || operations::prepare(request, &config, || shelf.library(), SystemClock.now()))
            .await?;
    shared.handle.task_submit(submission).await.map_err(Error::from)
}

async fn status(shared: &Arc<Shared>) -> Result<Value, Error> {
    // Whoever asks is connected only to ask.
    let live = shared.handle.live(shared.clients.load(Ordering::Relaxed).saturating_sub(1));
    let data_dir = shared.data_dir.clone();
    let view =
        shared.handle.read(move |reading| operations::host_status(reading, &data_dir, Some(&live))).await;
    value(&view.map_err(Error::from)?)
}

/// Tells the number of the newest event, and again whenever there is a newer one.
async fn watch(id: u64, shared: Arc<Shared>, answers: mpsc::Sender<Vec<u8>>) {
    let mut newest = shared.handle.watch();
    loop {
        let seq = *newest.borrow_and_update();
        let told = Answer { id, result: Some(json!({ "seq": seq })), error: None };
        if answers.send(line(&told)).await.is_err() || newest.changed().await.is_err() {
            return;
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OperationError> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Error::from),
        Err(error) => Err(Error::internal(format!("an operation failed: {error}"))),
    }
}

fn value(view: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(view)
        .map_err(|error| Error::internal(format!("an answer cannot be written as JSON: {error}")))
}

fn line(answer: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(answer).unwrap_or_default();
    text.push(b'\n');
    text
}
