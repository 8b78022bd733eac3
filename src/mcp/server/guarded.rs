//! Runs each handler so that its end is always known: a panic becomes an answer, a cancelled one
//! is dropped when it does not end by itself, and its place is given back whatever happens.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use rmcp::RoleServer;
use rmcp::model::{
    ClientNotification, ClientRequest, ErrorData, ProtocolVersion, RequestId, ServerConfig, ServerResult,
};
use rmcp::service::{NotificationContext, RequestContext, Service};

use super::answer;
use super::calls::CallNumber;
use super::connection::Connection;
use crate::limits::CANCEL_TIME;

pub(super) struct Guarded<S> {
    inner: S,
    connection: Arc<Connection>,
}

impl<S> Guarded<S> {
    pub(super) fn new(inner: S, connection: Arc<Connection>) -> Self {
        Self { inner, connection }
    }
}

/// Tells the table that a handler is gone, however it went.
struct Place {
    connection: Arc<Connection>,
    number: CallNumber,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connection.ended(self.number);
    }
}

impl<S: Service<RoleServer>> Service<RoleServer> for Guarded<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        mut context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let RequestId::Number(number) = context.id else {
            return Err(ErrorData::internal_error("a call without a number", None));
        };
        let _place = Place { connection: Arc::clone(&self.connection), number };
        let Some(signals) = self.connection.signals(number) else {
            return Err(ErrorData::internal_error("a call that is not in the table", None));
        };
        context.ct = signals.hurry.clone();
        let handler = async {
            self.connection.room_to_answer().await;
            AssertUnwindSafe(self.inner.handle_request(request, context)).catch_unwind().await
        };
        let abandoned = async {
            signals.cancelled.cancelled().await;
            tokio::time::sleep(CANCEL_TIME).await;
        };
        let answer = tokio::select! {
            biased;
            () = self.connection.over.cancelled() => {
                Err(ErrorData::internal_error("the connection is closing", None))
            }
            () = abandoned => Err(ErrorData::internal_error("cancelled", None)),
            answer = handler => answer.unwrap_or_else(|_| {
                Err(ErrorData::internal_error("the call failed by a fault of the server, its log says more", None))
            }),
        };
        // Said here and not by way of the library, whose queues know no size: what is said counts
        // at once against the room that the next call needs.
        answer::say(&self.connection, number, &answer);
        Ok(ServerResult::empty(()))
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.inner.handle_notification(notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        self.inner.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }
}
