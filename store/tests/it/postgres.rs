//! A private PostgreSQL: a cluster in a temporary folder, reached by a socket in it, shared by this process's tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::process::{Kept, find, folder, skipped};

/// The cluster's folder, which also holds its socket.
struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    _server: Kept,
}

static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();

/// URL of a new, empty database; `None`, said aloud, where PostgreSQL is not installed.
pub(crate) fn database() -> Option<String> {
    let cluster = CLUSTER.get_or_init(start).as_ref()?;
    let name = format!("d{}", uuid::Uuid::now_v7().simple());
    let done = as_postgres(&cluster.programs.join("psql"))
        .args(["-q", "-h"])
        .arg(&cluster.folder)
        .args(["-U", "postgres", "-d", "postgres", "-c", &format!("CREATE DATABASE {name}")])
        .status()
        .expect("psql runs");
    assert!(done.success(), "the database cannot be made");
    Some(format!("postgres://postgres@localhost/{name}?host={}", cluster.folder.display()))
}

fn start() -> Option<Cluster> {
    // Debian keeps the server's programs off the search path.
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    let Some(initdb) = find("initdb", &folders) else { return skipped("PostgreSQL") };
    let programs = initdb.parent().expect("it lies in a folder").to_owned();
    let folder = folder("postgres");
    if is_root() {
        let done = Command::new("chown").arg("postgres").arg(&folder).status().expect("chown runs");
        assert!(done.success(), "the folder cannot be given to the user postgres");
    }
    let data = folder.join("data");
    let done = as_postgres(&initdb)
        .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
        .arg(&data)
        .output()
        .expect("initdb runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let server = as_postgres(&programs.join("postgres"));
    let mut command: Vec<String> = std::iter::once(server.get_program())
        .chain(server.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let place = folder.display().to_string();
    command.extend(["-D".into(), data.display().to_string(), "-k".into(), place]);
    command.extend(["-c", "listen_addresses=", "-c", "max_connections=200"].map(str::to_owned));
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let server = Kept::start(&folder, "QUIT", &command);
    let begin = Instant::now();
    let ready = || {
        let mut ask = as_postgres(&programs.join("pg_isready"));
        ask.arg("-q").arg("-h").arg(&folder).status().is_ok_and(|status| status.success())
    };
    while !ready() {
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(begin.elapsed() < Duration::from_secs(30), "PostgreSQL does not start: {log}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(Cluster { folder, programs, _server: server })
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
        command
    } else {
        Command::new(program)
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout.starts_with(b"0\n")
}
