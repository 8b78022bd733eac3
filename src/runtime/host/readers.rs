//! A few readers of the store for a host's faces, used on threads that may block.

use std::sync::{Arc, Mutex, PoisonError};

use store::{Checked, Reader};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::operations::OperationError;

/// Readers that are open at once. More callers wait: a read takes a fraction of a millisecond.
const READERS_MAX: usize = 4;

/// Readers of one database; cheap to clone.
#[derive(Clone)]
pub struct Readers {
    checked: Arc<Checked>,
    idle: Arc<Mutex<Vec<Reader>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    /// Returns readers of the database at this place; none is open yet.
    pub fn new(checked: Checked) -> Self {
        Self {
            checked: Arc::new(checked),
            idle: Arc::new(Mutex::new(Vec::new())),
            places: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Returns where the store is.
    pub fn place(&self) -> &store::Place {
        self.checked.place()
    }

    /// Reads on a thread that may block.
    ///
    /// # Errors
    /// What `read` returned, or that the store cannot be opened.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, OperationError> {
        let permit = Arc::clone(&self.places).acquire_owned().await;
        let permit = permit.map_err(|_| OperationError::HostEnding)?;
        let readers = self.clone();
        let done = spawn_blocking(move || {
            let idle = readers.lock().pop();
            let reader = match idle {
                Some(reader) => reader,
                None => Reader::open(&readers.checked)?,
            };
            let done = read(&reader);
            if done.is_ok() {
                readers.lock().push(reader);
            }
            drop(permit);
            done
        });
        done.await.unwrap_or_else(|error| {
            Err(OperationError::Fault { message: format!("a read ended by a fault of our own: {error}") })
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        // Nothing is left half done under this lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
