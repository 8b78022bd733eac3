//! The heart: which transition a task makes, and what follows for what runs or is about to.

mod advance;
mod change;
mod effect;
mod event;
mod floor;
mod step;

pub use advance::{LOST_MAX, Refusal, TaskEvent, advance};
pub use change::{AttemptChange, Change};
pub use effect::{Answer, Effect};
pub use event::{Ask, Event, Ticket, Verdict};
pub use floor::{AgentRoom, Floor, Held, Limits, Phase};
pub use step::step;
