//! Building the functions' binaries with cargo, in the profile of the program that asks or in another.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use shared::config::Config;
use tokio::process::Command;

use crate::error::{During, Error};
use crate::options::{Listener, Progress};

/// The workspace that this program was built from.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PART: &str = "the functions' binaries";

/// Builds the binaries of the named packages, and what `more` of cargo's arguments ask for, in a profile (`None`: that of this
/// program), and returns the folder with them.
///
/// # Errors
/// When there is no cargo, or a package does not build.
pub async fn build(
    packages: &[&str],
    more: &[&str],
    profile: Option<&str>,
    listener: &Listener,
) -> Result<PathBuf, Error> {
    let program = std::env::current_exe().during(PART)?;
    let place = Place::of(&program).ok_or_else(|| Error::part(PART, "this program is not where cargo builds"))?;
    listener(Progress::Building);
    let cargo = Config::environment().remove("CARGO");
    let status = Command::new(cargo.as_deref().unwrap_or("cargo"))
        .current_dir(WORKSPACE)
        .arg("build")
        .args(["--profile", profile.unwrap_or(place.profile()), "--target-dir"])
        .arg(&place.target)
        .args(place.selection(packages))
        .args(more)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .during("cargo, which builds the functions' binaries")?;
    if status.success() {
        Ok(profile.map_or(place.folder, |profile| place.target.join(profile)))
    } else {
        Err(Error::part(PART, format!("cargo ended with {status}")))
    }
}

/// Where cargo put a program.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    target: PathBuf,
    folder: PathBuf,
    is_test: bool,
}

impl Place {
    /// `target/debug/local`, or `target/debug/deps/it-0123456789abcdef` for a test.
    fn of(program: &Path) -> Option<Self> {
        let folder = program.parent()?;
        let is_test = folder.ends_with("deps");
        let folder = if is_test { folder.parent()? } else { folder };
        Some(Self {
            target: folder.parent()?.to_owned(),
            folder: folder.to_owned(),
            is_test,
        })
    }

    fn profile(&self) -> &str {
        match self.folder.file_name().and_then(|name| name.to_str()) {
            None | Some("debug") => "dev",
            Some(name) => name,
        }
    }

    /// What to build. Features of dependencies are those of all that is built at once, so that the packages alone would
    /// have all dependencies built again: the program itself is named with them, and for a test everything is.
    fn selection(&self, packages: &[&str]) -> Vec<String> {
        if self.is_test {
            return ["--quiet", "--workspace", "--all-targets"].map(str::to_owned).into();
        }
        let named = packages.iter().chain([&env!("CARGO_PKG_NAME")]);
        named
            .flat_map(|package| ["--package".to_owned(), (*package).to_owned()])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_built_in_the_profile_and_with_the_features_of_the_program_itself() {
        let run = Place::of(Path::new("/x/target/release/local")).unwrap();
        assert_eq!(
            (run.profile(), run.target.as_path()),
            ("release", Path::new("/x/target"))
        );
        assert_eq!(run.selection(&["chat"]), ["--package", "chat", "--package", "local"]);
        let test = Place::of(Path::new("/x/target/debug/deps/it-0f")).unwrap();
        assert_eq!(
            (test.profile(), test.folder.as_path()),
            ("dev", Path::new("/x/target/debug"))
        );
        assert!(test.selection(&["chat"]).contains(&"--all-targets".to_owned()));
    }
}
