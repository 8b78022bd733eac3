//! Writes all public schemas to `schemas/`.

fn main() -> std::io::Result<()> {
    let folder = support::project_root().join("schemas");
    for (name, text) in support::schemas::generated() {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}
