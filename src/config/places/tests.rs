//! Where everything lies.

use super::*;

fn env(variables: &[(&str, &str)]) -> Environment {
    Environment::made_of(variables.iter().copied(), Some("/srv".into()))
}

#[test]
fn a_home_holds_everything() {
    let places = Places::find(&env(&[("MODELSCAN_HOME", "/h"), ("HOME", "/u")]), None, None).unwrap();
    let shown = [
        &places.config_file,
        &places.skills,
        &places.database,
        &places.lock,
        &places.start_lock,
        &places.socket,
        &places.logs,
        &places.outputs,
    ];
    let expected = [
        "/h/config.toml",
        "/h/skills",
        "/h/modelscan.db",
        "/h/modelscan.db.lock",
        "/h/modelscan.db.start.lock",
        "/h/host.sock",
        "/h/logs",
        "/h/outputs",
    ];
    assert_eq!(shown.map(|path| path.to_str().unwrap()), expected);
    let flag = Places::find(&env(&[("MODELSCAN_HOME", "/h")]), Some(Path::new("rel")), None).unwrap();
    assert_eq!(flag.database, Path::new("/srv/rel/modelscan.db"));
}

#[test]
fn without_a_home_the_xdg_folders_hold_it() {
    let places = Places::find(&env(&[("HOME", "/u"), ("XDG_STATE_HOME", "/s")]), None, None).unwrap();
    assert_eq!(places.config_file, Path::new("/u/.config/modelscan/config.toml"));
    assert_eq!(places.database, Path::new("/u/.local/share/modelscan/modelscan.db"));
    assert_eq!(places.socket, Path::new("/s/modelscan/host.sock"));
    assert_eq!(places.cache, Path::new("/u/.cache/modelscan"));
    let runtime = Places::find(&env(&[("HOME", "/u"), ("XDG_RUNTIME_DIR", "/run/u")]), None, None).unwrap();
    assert_eq!(runtime.socket, Path::new("/run/u/modelscan/host.sock"));
    assert_eq!(Places::find(&env(&[]), None, None).unwrap_err().kind, Kind::ConfigError);
    let relative = env(&[("HOME", "/u"), ("XDG_DATA_HOME", "relative")]);
    assert_eq!(
        Places::find(&relative, None, None).unwrap().data_dir(),
        Path::new("/u/.local/share/modelscan")
    );
}

#[test]
fn another_database_has_everything_of_its_own() {
    let usual = Places::find(&env(&[("MODELSCAN_HOME", "/h")]), None, None).unwrap();
    let mut moved = usual.clone();
    moved.move_database("/h/other.db".into());
    assert_ne!(usual.lock, moved.lock);
    assert_ne!(usual.socket, moved.socket);
    assert_ne!(usual.outputs, moved.outputs);
    assert_ne!(usual.short_socket(), moved.short_socket());
    assert!(moved.short_socket().as_os_str().len() < 100);
    let mut same = usual.clone();
    same.move_database("/h/modelscan.db".into());
    assert_eq!(usual, same);
}
