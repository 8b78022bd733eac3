//! What the product says of a task, as its commands show it.

use serde_json::Value;

use crate::TestEnv;

impl TestEnv {
    /// Submits a prompt to an agent and returns the task's id.
    #[track_caller]
    pub fn submit_to(&self, agent: &str, prompt: &str, more: &[&str]) -> String {
        let submit = self.modelscan(["task", "submit", "--agent", agent, prompt]).args(more);
        submit.run().expect_code(0).stdout.trim().to_owned()
    }

    /// Returns a task with its attempts and tool calls.
    #[track_caller]
    pub fn show(&self, id: &str) -> Value {
        self.modelscan(["task", "show", id]).json()
    }

    /// Returns the last attempt of a task.
    ///
    /// # Panics
    /// If it has none.
    #[track_caller]
    pub fn last_attempt(&self, id: &str) -> Value {
        self.show(id)["attempts"].as_array().and_then(|attempts| attempts.last()).expect("an attempt").clone()
    }

    /// Returns the result of a task that succeeded.
    #[track_caller]
    pub fn result(&self, id: &str) -> Value {
        self.modelscan(["task", "result", id]).json()["result"].clone()
    }

    /// Returns all events, or those of one task.
    #[track_caller]
    pub fn events(&self, task: Option<&str>) -> Vec<Value> {
        self.pages("event", task)
    }

    /// Returns the data of the events of one type, of one task.
    #[track_caller]
    pub fn events_of(&self, task: &str, kind: &str) -> Vec<Value> {
        let events = self.events(Some(task)).into_iter();
        events.filter(|event| event["type"] == kind).map(|event| event["data"].clone()).collect()
    }

    /// Returns all messages, or those of one task.
    #[track_caller]
    pub fn messages(&self, task: Option<&str>) -> Vec<Value> {
        self.pages("message", task)
    }

    fn pages(&self, noun: &str, task: Option<&str>) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map_or(0, |last| last["seq"].as_i64().expect("a number"));
            let mut list = self.modelscan([noun, "list", "-n", "1000", "--after-seq", &after.to_string()]);
            if let Some(task) = task {
                list = list.args(["--task", task]);
            }
            let page = list.json();
            let items = page["items"].as_array().expect("items");
            if items.is_empty() {
                return all;
            }
            all.extend(items.iter().cloned());
        }
    }
}
