//! A client whose host is killed is told so, and goes on with the next one over the same pipes.

use serde_json::{Value, json};
use support::{Running, TestEnv, product_test, until};

/// A client with a connection of the older generation, as most editors have.
struct Client {
    pump: Running,
    next: i64,
}

impl Client {
    fn new(env: &TestEnv) -> Self {
        let mut client = Self { pump: env.modelscan(["mcp"]).spawn(), next: 0 };
        let hello = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let id = client.begin("initialize", &hello);
        assert_eq!(client.answer(id)["result"]["protocolVersion"], "2025-06-18");
        client.pump.line(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        client
    }

    fn begin(&mut self, method: &str, params: &Value) -> i64 {
        self.next += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        self.pump.line(request.to_string());
        self.next
    }

    fn begin_call(&mut self, tool: &str, arguments: &Value) -> i64 {
        self.begin("tools/call", &json!({ "name": tool, "arguments": arguments }))
    }

    /// The next answer, which has to be this one's.
    #[track_caller]
    fn answer(&mut self, id: i64) -> Value {
        loop {
            let message = self.pump.next_json();
            if message.get("method").is_none() {
                assert_eq!(message["id"], id, "{message:#}");
                return message;
            }
        }
    }

    #[track_caller]
    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let id = self.begin_call(tool, arguments);
        let answer = self.answer(id);
        assert_ne!(answer["result"]["isError"], true, "{answer:#}");
        answer["result"]["structuredContent"].clone()
    }
}

product_test! {
    fn what_was_in_flight_is_unknown_and_the_next_call_works(env) {
        let mark = env.root().join("mark");
        let script = "[ -e \"$MARK\" ] || { : >\"$MARK\"; sleep 300; }";
        env.bash_skill("once", script, &[("MARK", mark.to_str().expect("UTF-8"))]);
        let mut client = Client::new(env);
        let task = client.call("task_submit", &json!({ "skill": "once" }));
        let id = task["id"].as_str().expect("an id").to_owned();
        until("the step to run", || mark.exists());
        let waiting = client.begin_call("task_wait", &json!({ "ids": [id], "wait_ms": 50_000 }));
        // A second call over the same pipe is answered: so the first has arrived.
        let asking = client.begin_call("task_status", &json!({ "id": id }));
        assert_eq!(client.answer(asking)["result"]["structuredContent"]["state"], "running");
        env.kill_host();
        let answer = client.answer(waiting);
        let error = answer["error"]["message"].as_str().or(answer["result"]["content"][0]["text"].as_str());
        assert!(error.is_some_and(|text| text.contains("unknown")), "{answer:#}");

        // The connection goes on: the next host has found that the task was lost after a side effect.
        let status = client.call("task_wait", &json!({ "ids": [id], "wait_ms": 50_000 }));
        assert_eq!(status["tasks"][0]["state"], "paused", "{status:#}");
        env.modelscan(["task", "resume", &id]).run().expect_code(0);
        let status = client.call("task_wait", &json!({ "ids": [id], "wait_ms": 50_000 }));
        assert_eq!(status["tasks"][0]["state"], "succeeded", "{status:#}");
        let result = client.call("task_result", &json!({ "id": id }));
        assert_eq!(result["result"]["code"], 0, "{result:#}");

        // Once more, with nothing in flight.
        env.kill_host();
        let list = client.call("task_list", &json!({}));
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list:#}");
        client.pump.close_stdin();
        client.pump.wait().expect_clean();
    }
}

product_test! {
    fn a_client_that_is_killed_takes_no_task_with_it(env) {
        let go = env.root().join("go");
        let variables = [("GO", go.to_str().expect("UTF-8"))];
        env.bash_skill("waits", "mkfifo \"$GO\"; read -r line <\"$GO\"", &variables);
        let mut client = Client::new(env);
        let task = client.call("task_submit", &json!({ "skill": "waits" }));
        let id = task["id"].as_str().expect("an id").to_owned();
        until("the step to run", || go.exists());
        client.pump.kill();
        std::fs::write(&go, "go\n").expect("let the step go on");
        env.modelscan(["task", "wait", &id]).run().expect_code(0);
        assert_eq!(env.status(&id)["attempt"], 1);
    }
}

product_test! {
    fn a_stateless_connection_goes_on_too(env) {
        let mut pump = env.modelscan(["mcp"]).spawn();
        let mut ask = |id: i64| {
            let call = json!({
                "jsonrpc": "2.0",
                "id": id,
                "method": "tools/call",
                "params": {
                    "name": "agent_list",
                    "arguments": {},
                    "_meta": {
                        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                        "io.modelcontextprotocol/clientCapabilities": {},
                    },
                },
            });
            pump.line(call.to_string());
            let answer = pump.next_json();
            assert_eq!(answer["id"], id, "{answer:#}");
            assert!(answer["result"]["structuredContent"].is_object(), "{answer:#}");
        };
        ask(1);
        for id in 2..5 {
            env.kill_host();
            ask(id);
        }
        pump.close_stdin();
        pump.wait().expect_clean();
    }
}
