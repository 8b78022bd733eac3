//! The way back of a request that the peer made.

use crate::error::Refusal;
use crate::gate::{Gate, Units};
use crate::noise::{Noise, NoiseKind};
use agent_client_protocol::{Error, Responder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Answers one request of the peer. Dropped unanswered, the peer gets an error.
pub struct Answer<T> {
    responder: Option<Responder<Value>>,
    to_value: fn(T) -> Value,
    gate: Arc<Gate>,
    units: Option<Units>,
}

impl<T> Answer<T> {
    /// Answers with a result.
    pub fn ok(mut self, result: T) {
        let result = (self.to_value)(result);
        self.send(Ok(result));
    }

    /// Refuses.
    pub fn refuse(mut self, refusal: Refusal) {
        self.send(Err(refusal));
    }

    fn send(&mut self, result: Result<Value, Refusal>) {
        // The units stay taken until the answer has been written: a peer that asks and never reads has to wait.
        if let Some(units) = self.units.take() {
            self.gate.push_unwritten_answer(units);
        }
        if let Some(responder) = self.responder.take() {
            let result = result.map_err(|refusal| Error::new(refusal.code, refusal.message));
            // Only a closed connection refuses an answer, and then nobody waits for it.
            let _ = responder.respond_with_result(result);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if self.responder.is_some() {
            self.send(Err(Refusal::not_taken("the request was dropped")));
        }
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").finish_non_exhaustive()
    }
}

/// A request of the peer that has not been looked at.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) params: Value,
    pub(crate) responder: Responder<Value>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) units: Option<Units>,
}

impl Request {
    /// Reads the parameters; those of another shape are refused.
    pub(crate) fn read<T: DeserializeOwned, A>(
        self,
        to_value: fn(A) -> Value,
    ) -> Result<(T, Answer<A>), Noise> {
        match T::deserialize(&self.params) {
            Ok(params) => {
                let Self { responder, gate, units, .. } = self;
                Ok((params, Answer { responder: Some(responder), to_value, gate, units }))
            }
            Err(error) => Err(self.refuse(Refusal::bad_params(error.to_string()))),
        }
    }

    /// Refuses a method that is not known here.
    pub(crate) fn unknown(self) -> Noise {
        let refusal = Refusal::unknown_method(&self.method);
        self.refuse(refusal)
    }

    fn refuse(self, refusal: Refusal) -> Noise {
        let noise = Noise::new(NoiseKind::Unknown, &format!("request {}: {}", self.method, refusal.message));
        let Self { responder, gate, units, .. } = self;
        Answer { responder: Some(responder), to_value: |()| Value::Null, gate, units }.refuse(refusal);
        noise
    }
}
