//! The floor: what runs or is about to, and who has room for more. The backlog stays in the store.

use std::collections::{BTreeMap, BTreeSet};

use crate::{AgentName, Capability, InstanceId, LaneKey, StopWhy, Task, TaskId, TaskResult, Timestamp};

/// What an agent can do, and how many of its tasks run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRoom {
    /// What it can do.
    pub capabilities: BTreeSet<Capability>,
    /// How many of its tasks run at once.
    pub max_running: u32,
}

/// What the configuration says about room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// How many tasks run at once.
    pub max_running: u32,
    /// The agents.
    pub agents: BTreeMap<AgentName, AgentRoom>,
}

/// Where a held attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its instance is being started.
    Starting,
    /// The agent has the prompt.
    Running,
    /// It is being stopped; what it still says is recorded and ignored.
    Stopping(StopWhy),
}

/// An attempt on the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The task, as it stands on disk.
    pub task: Task,
    /// Who works on it.
    pub agent: AgentName,
    /// The instance that serves it.
    pub instance: InstanceId,
    /// Where the attempt stands.
    pub phase: Phase,
    /// When the attempt began.
    pub began: Timestamp,
    /// Whether a tool call with side effects is on record.
    pub side_effects: bool,
    /// The result, once it is on record.
    pub result: Option<TaskResult>,
    /// Somebody else changed the task: this attempt may write nothing more, and only fills its place until its
    /// processes are gone.
    pub disowned: bool,
}

impl Held {
    /// Says whether the attempt is being stopped.
    pub const fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Stopping(_))
    }

    /// Returns when the attempt has to be stopped, and why; nothing once it is being stopped or has its result.
    pub(super) fn limit(&self) -> Option<(Timestamp, StopWhy)> {
        if self.is_stopping() || self.result.is_some() {
            return None;
        }
        let timeout = (self.began.plus(self.task.timeout), StopWhy::TimedOut);
        match self.task.deadline {
            Some(deadline) if deadline <= timeout.0 => Some((deadline, StopWhy::Deadline)),
            _ => Some(timeout),
        }
    }
}

/// What a host holds in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    pub(super) limits: Limits,
    pub(super) lanes: BTreeSet<LaneKey>,
    pub(super) held: BTreeMap<TaskId, Held>,
    /// Whether a lane may hold something that has not been looked at.
    pub(super) hungry: bool,
    /// Whether a claim has been asked for and not been answered.
    pub(super) claiming: bool,
    /// Whether the host is ending.
    pub(super) closed: bool,
}

impl Floor {
    /// Returns an empty floor; `lanes` are those that the store knows.
    pub fn new(limits: Limits, lanes: impl IntoIterator<Item = LaneKey>) -> Self {
        Self {
            limits,
            lanes: lanes.into_iter().collect(),
            held: BTreeMap::new(),
            hungry: true,
            claiming: false,
            closed: false,
        }
    }

    /// Forgets what was looked at and asked for: the next step looks for work anew.
    pub fn look_again(&mut self) {
        self.hungry = true;
        self.claiming = false;
    }

    /// Returns the attempt that holds this task.
    pub fn held(&self, task: TaskId) -> Option<&Held> {
        self.held.get(&task)
    }

    /// Returns all attempts, in the order of their tasks' ids.
    pub fn all_held(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// Says whether the floor asks for tasks of this lane.
    pub fn knows(&self, lane: &LaneKey) -> bool {
        self.lanes.contains(lane)
    }

    /// Says whether the host is ending.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Says whether the host is ending and nothing is left to wait for.
    pub fn is_drained(&self) -> bool {
        self.closed && self.held.is_empty()
    }

    /// Returns when the first attempt reaches its time limit or deadline.
    pub fn next_limit(&self) -> Option<Timestamp> {
        self.held.values().filter_map(Held::limit).map(|(at, _)| at).min()
    }

    /// Returns how many tasks this agent works on.
    pub fn running(&self, agent: &AgentName) -> u32 {
        u32::try_from(self.held.values().filter(|held| held.agent == *agent).count()).unwrap_or(u32::MAX)
    }

    fn room(&self, agent: &AgentName) -> u32 {
        self.limits.agents.get(agent).map_or(0, |room| room.max_running.saturating_sub(self.running(agent)))
    }

    fn has_place(&self) -> bool {
        self.held.len() < usize::try_from(self.limits.max_running).unwrap_or(usize::MAX)
    }

    /// Says whether a configured agent can serve this lane, busy or not.
    pub fn serves(&self, lane: &LaneKey) -> bool {
        self.servants(lane).next().is_some()
    }

    fn servants(&self, lane: &LaneKey) -> impl Iterator<Item = &AgentName> {
        let can = move |name: &AgentName, room: &AgentRoom| match lane {
            LaneKey::Agent(agent) => agent == name,
            LaneKey::Capabilities(needed) => needed.iter().all(|one| room.capabilities.contains(one)),
        };
        self.limits.agents.iter().filter(move |(name, room)| can(name, room)).map(|(name, _)| name)
    }

    /// Returns the agent that takes a task of this lane: the one with most room, by name among equals.
    pub(super) fn agent_for(&self, lane: &LaneKey) -> Option<AgentName> {
        if !self.has_place() {
            return None;
        }
        self.servants(lane)
            .map(|name| (self.room(name), name))
            .filter(|(room, _)| *room > 0)
            .max_by(|(room, name), (other_room, other)| room.cmp(other_room).then(other.cmp(name)))
            .map(|(_, name)| name.clone())
    }

    /// Returns the lanes that an agent with room can serve.
    pub(super) fn open_lanes(&self) -> Vec<LaneKey> {
        if self.closed || !self.has_place() {
            return Vec::new();
        }
        self.lanes.iter().filter(|lane| self.agent_for(lane).is_some()).cloned().collect()
    }
}
