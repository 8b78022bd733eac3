//! Answers the requests that came through the front, over a catalog.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, DiscoverResult, ErrorData,
    InitializeRequestParams, InitializeResult, ListToolsResult, MetaObject, PaginatedRequestParams,
    RequestId, ServerConfig,
};
use rmcp::service::RequestContext;
use serde::Serialize;
use serde_json::{Map, Value};

use super::catalog::{Catalog, Refusal};
use super::connection::Connection;
use super::protocol::{self, STATELESS_VERSION};
use super::tools::Tools;
use super::waiting::Waiting;
use super::words;

pub(super) struct Handler<C> {
    catalog: Arc<C>,
    tools: Arc<Tools>,
    connection: Arc<Connection>,
}

/// An answer in both forms.
struct Answer {
    words: String,
    value: Value,
}

impl<C: Catalog> Handler<C> {
    pub(super) fn new(catalog: Arc<C>, tools: Arc<Tools>, connection: Arc<Connection>) -> Self {
        Self { catalog, tools, connection }
    }

    async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Answer, Refusal> {
        let (catalog, tools) = (&self.catalog, &self.tools);
        match name {
            "agent_list" => {
                let view = catalog.agent_list(tools.arguments(name, arguments)?).await?;
                answer(words::agents(&view), &view)
            }
            "task_submit" => {
                let view =
                    catalog.task_submit(tools.arguments(name, arguments)?, self.waiting(context)).await?;
                let value = view.to_value().map_err(|error| unwritable(&error))?;
                Ok(Answer { words: words::submitted(&view), value })
            }
            "task_status" => {
                let view = catalog.task_status(tools.arguments(name, arguments)?).await?;
                answer(words::status(&view), &view)
            }
            "task_wait" => {
                let view =
                    catalog.task_wait(tools.arguments(name, arguments)?, self.waiting(context)).await?;
                answer(words::waited(&view), &view)
            }
            "task_result" => {
                let view = catalog.task_result(tools.arguments(name, arguments)?).await?;
                answer(words::result(&view), &view)
            }
            "task_cancel" => {
                let view = catalog.task_cancel(tools.arguments(name, arguments)?).await?;
                answer(words::cancelled(&view), &view)
            }
            "task_list" => {
                let view = catalog.task_list(tools.arguments(name, arguments)?).await?;
                answer(words::tasks(&view), &view)
            }
            other => Err(Refusal::new("internal", format!("tool `{other}` is listed and not served"))),
        }
    }

    fn waiting(&self, context: &RequestContext<RoleServer>) -> Waiting {
        match context.id {
            RequestId::Number(number) => Waiting::of_call(&self.connection, number, context.ct.clone()),
            RequestId::String(_) => Waiting::silent(context.ct.clone()),
        }
    }
}

fn answer<T: Serialize>(words: String, view: &T) -> Result<Answer, Refusal> {
    let value = serde_json::to_value(view).map_err(|error| unwritable(&error))?;
    Ok(Answer { words, value })
}

fn unwritable(error: &serde_json::Error) -> Refusal {
    Refusal::new("internal", format!("the answer cannot be written: {error}"))
}

/// Results of the stateless generation say who answers.
fn meta_of(context: &RequestContext<RoleServer>) -> Option<MetaObject> {
    let stateless =
        context.meta.protocol_version().is_some_and(|version| version.as_str() == STATELESS_VERSION);
    stateless.then(|| protocol::discovery().meta).flatten()
}

impl<C: Catalog> ServerHandler for Handler<C> {
    fn get_info(&self) -> ServerConfig {
        protocol::config()
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request.with_protocol_version(result.protocol_version.clone()));
        Ok(result)
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        Ok(protocol::discovery())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut result = ListToolsResult::with_all_items(self.tools.listed().to_vec());
        if let Some(meta) = meta_of(&context) {
            result.meta = Some(meta);
            result = result.with_ttl_ms(0).with_cache_scope(rmcp::model::CacheScope::Private);
        }
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.tools.has(&request.name) {
            let shown: String = request.name.chars().take(100).collect();
            return Err(ErrorData::invalid_params(
                format!("unknown tool `{shown}`; `tools/list` names those that there are"),
                None,
            ));
        }
        let result = match self.call(&request.name, request.arguments.unwrap_or_default(), &context).await {
            Ok(answer) => {
                let mut result = CallToolResult::structured(answer.value);
                result.content = vec![ContentBlock::text(answer.words)];
                result
            }
            Err(refusal) => CallToolResult::error(vec![ContentBlock::text(words::refusal(&refusal))]),
        };
        Ok(result.with_meta(meta_of(&context)).into())
    }
}
