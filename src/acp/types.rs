//! What both ends of a connection say to each other, in our own types: tool calls are whole and known by id, kinds and
//! states that we do not know have a place.

use serde_json::Value;

/// A tool call as it stands; each update of it has been applied.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolCall {
    /// Its id, unique within the session.
    pub id: String,
    /// What it does, for people.
    pub title: String,
    /// The tool's name, where the agent says it.
    pub name: Option<String>,
    /// What sort of tool it is.
    pub kind: ToolKind,
    /// How far it is.
    pub status: ToolStatus,
    /// The arguments.
    pub input: Option<Value>,
    /// What came out, as the tool gave it.
    pub output: Option<Value>,
    /// What came out, in words.
    pub text: Option<String>,
}

impl ToolCall {
    /// Returns a call that has only an id, as one begins whose first word is a change.
    #[must_use]
    pub fn unknown(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// Applies a change: what it does not say stays.
    pub fn apply(&mut self, change: ToolCallChange) {
        let ToolCallChange { id: _, title, name, kind, status, input, output, text } = change;
        self.title = title.unwrap_or_else(|| std::mem::take(&mut self.title));
        self.kind = kind.unwrap_or(self.kind);
        self.status = status.unwrap_or(self.status);
        self.name = name.or_else(|| self.name.take());
        self.input = input.or_else(|| self.input.take());
        self.output = output.or_else(|| self.output.take());
        self.text = text.or_else(|| self.text.take());
    }
}

/// What is new about a tool call; the first one of an id creates it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolCallChange {
    /// The call's id.
    pub id: String,
    /// What it does, for people.
    pub title: Option<String>,
    /// The tool's name.
    pub name: Option<String>,
    /// What sort of tool it is.
    pub kind: Option<ToolKind>,
    /// How far it is.
    pub status: Option<ToolStatus>,
    /// The arguments.
    pub input: Option<Value>,
    /// What came out, as the tool gave it.
    pub output: Option<Value>,
    /// What came out, in words.
    pub text: Option<String>,
}

/// A command that an agent offers: the first word of a prompt, after a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its name, without the slash.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What may follow it.
    pub hint: Option<String>,
}

/// What sort of tool a call uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolKind {
    /// Reads files or data.
    Read,
    /// Changes files or content.
    Edit,
    /// Removes something.
    Delete,
    /// Moves or renames something.
    Move,
    /// Looks for something.
    Search,
    /// Runs commands or code.
    Execute,
    /// Thinks or plans.
    Think,
    /// Gets data from elsewhere.
    Fetch,
    /// Anything else.
    #[default]
    Other,
}

impl ToolKind {
    /// Returns the protocol's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Move => "move",
            Self::Search => "search",
            Self::Execute => "execute",
            Self::Think => "think",
            Self::Fetch => "fetch",
            Self::Other => "other",
        }
    }

    /// Says whether calls of this kind are taken to change nothing.
    #[must_use]
    pub fn only_looks(self) -> bool {
        matches!(self, Self::Read | Self::Search | Self::Think | Self::Fetch)
    }
}

/// How far a tool call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolStatus {
    /// Announced; it does not run yet.
    #[default]
    Pending,
    /// It runs.
    Running,
    /// It ended well.
    Completed,
    /// It ended otherwise.
    Failed,
}

impl ToolStatus {
    /// Returns the protocol's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// One entry of an agent's list of what it is going to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanEntry {
    /// What is to be done.
    pub text: String,
    /// How far it is.
    pub status: PlanStatus,
}

/// How far an entry of a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanStatus {
    /// Not begun.
    Pending,
    /// Being done.
    Running,
    /// Done.
    Completed,
}

/// What a session has used.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Tokens in the context now.
    pub context_used: u64,
    /// Tokens that fit into it.
    pub context_size: u64,
    /// What the session has cost so far: amount and currency.
    pub cost: Option<(f64, String)>,
}

/// Why an agent ended a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It was done.
    EndTurn,
    /// The model's tokens were used up.
    MaxTokens,
    /// The model's requests were used up.
    MaxTurnRequests,
    /// It refuses to go on.
    Refusal,
    /// It was cancelled.
    Cancelled,
}

impl StopReason {
    /// Returns the protocol's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::MaxTurnRequests => "max_turn_requests",
            Self::Refusal => "refusal",
            Self::Cancelled => "cancelled",
        }
    }
}
