//! A configuration that cannot be used: where in the file, and the nearest right key; what does not need it works on.

use support::{check_rows, expect_shape, product_test, refused};

/// The text of a file, what the message says, what the hint says.
#[rustfmt::skip]
const BROKEN: [(&str, &str, &str); 12] = [
    ("[host]\nmax_runing = 3\n", "config.toml:2:1: unknown key `host.max_runing`", "`host.max_running`"),
    ("[hots]\nmax_running = 3\n", "config.toml:1:2: unknown key `hots`", "`host`"),
    ("[agents.nexora]\ncomand = \"x\"\n", "config.toml:2:1: unknown key `agents.nexora.comand`", "`agents.nexora.command`"),
    ("[host\nmax_running = 3\n", "config.toml:1:6", "TOML"),
    ("[host]\nmax_running = \n", "config.toml:2:15", "TOML"),
    ("[host]\nmax_running = 1\nmax_running = 2\n", "config.toml:3:1", "TOML"),
    ("[host]\nmax_running = \"many\"\n", "config.toml:2:1: `host.max_running`", ""),
    ("[host]\nmax_running = 0\n", "config.toml:2:1: `host.max_running`", ""),
    ("[host]\nidle_timeout = \"soon\"\n", "config.toml:2:1: `host.idle_timeout`", ""),
    ("[defaults]\nagent = \"nexra\"\n", "config.toml:2:1", "`nexora`"),
    ("[agents.other]\ndescription = \"x\"\n", "config.toml:1:9", "command ="),
    ("[agents.nexora.env]\nTOKEN = { fle = \"/x\" }\n", "config.toml:2:1", ""),
];

product_test! {
    fn a_broken_file_is_told_by_line_and_column(env) {
        check_rows(BROKEN, |(text, says, hints)| {
            env.config(text);
            for line in ["task submit hello", "task wait ffffffff", "agent list", "skill list", "host start", "host run", "event list"] {
                refused(2, "config_error", || env.modelscan([]).args(line.split(' '))).says(says).hints(hints);
            }
        });
        std::fs::write(env.home().join("config.toml"), b"[host]\n# caf\xe9\n").unwrap();
        refused(2, "config_error", || env.modelscan(["agent", "list"])).says("config.toml:2:6").says("UTF-8").hints("UTF-8");
        assert_eq!(env.rows(), None, "a refused command made a database");
    }
}

product_test! {
    fn what_does_not_need_it_works_on(env) {
        let id = env.modelscan(["task", "submit", "hello", "--wait", "--quiet"]).run().expect_code(1);
        let id = id.stdout.trim();
        env.config("[host]\nmax_runing = 3\n");
        for (line, shape) in [
            ("task list", "task_list"),
            ("task show", "task_show"),
            ("task status", "task_summary"),
            ("host status", "host"),
            ("host stop --now", "host"),
            ("task status", "task_summary"),
        ] {
            let with_id = matches!(line, "task show" | "task status").then_some(id);
            let outcome = env.modelscan([]).args(line.split(' ')).args(with_id).args(["--json"]).run().expect_code(0);
            expect_shape(shape, &outcome.json());
            let warned = outcome.stderr.starts_with("warning: ") && outcome.stderr.contains("config.toml:2:1");
            assert!(warned, "{line}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("`host.max_running`"), "{line}: {}", outcome.stderr);
        }
    }
}

product_test! {
    fn a_variable_is_told_by_its_name(env) {
        let with = |name: &'static str, value: &'static str| {
            refused(2, "config_error", || env.modelscan(["agent", "list"]).env(name, value))
        };
        with("MODELSCAN_HOST__MAX_RUNING", "3").says("MODELSCAN_HOST__MAX_RUNING").hints("host.max_running");
        with("MODELSCAN_HOST__MAX_RUNNING", "many").says("MODELSCAN_HOST__MAX_RUNNING");
        with("MODELSCAN_DEFAULTS__RECOVERY", "hope").says("MODELSCAN_DEFAULTS__RECOVERY");
    }
}
