//! A private S3 server: SeaweedFS, from the Python environment of `make setup`.

use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use store::S3Access;

use crate::process::{Kept, find, folder, skipped};

const KEY: &str = "shelf";
const SECRET: &str = "shelf-secret";

/// A running server.
pub(crate) struct Seaweed {
    pub(crate) access: S3Access,
    kept: Option<Kept>,
}

impl Seaweed {
    /// The one that tests share; `None`, said aloud, where it is not installed.
    pub(crate) async fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Seaweed>> = OnceLock::new();
        let server = SHARED.get_or_init(Self::start).as_ref()?;
        server.until_ready().await;
        Some(server)
    }

    /// One of the test's own, to be stopped.
    pub(crate) fn start() -> Option<Self> {
        let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.runtime/python/bin");
        let Some(weed) = find("weed", &[bin]) else { return skipped("SeaweedFS") };
        let folder = folder("weed");
        let config = format!(
            r#"{{"identities": [{{"name": "shelf", "credentials": [{{"accessKey": "{KEY}", "secretKey": "{SECRET}"}}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"]}}]}}"#
        );
        std::fs::write(folder.join("s3.json"), config).expect("the folder is writable");
        let weed = weed.display().to_string();
        let (dir, s3) = (format!("-dir={}", folder.display()), format!("-s3.config={}/s3.json", folder.display()));
        // gRPC ports are chosen here too: by default they lie 10,000 above and may leave the range.
        let ports: Vec<u16> = free_ports(8);
        let flag = |name: &str, at: usize| format!("-{name}={}", ports[at]);
        let flags = [
            flag("master.port", 0),
            flag("master.port.grpc", 1),
            flag("volume.port", 2),
            flag("volume.port.grpc", 3),
            flag("filer.port", 4),
            flag("filer.port.grpc", 5),
            flag("s3.port", 6),
            flag("s3.port.grpc", 7),
        ];
        let mut command = vec![weed.as_str(), "server", "-ip=127.0.0.1", "-s3", "-volume.max=60", &dir, &s3];
        // By default it writes nothing to a disk of which 99 % are used.
        command.push("-volume.minFreeSpace=10MiB");
        command.extend(["-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.extend(flags.iter().map(String::as_str));
        let kept = Kept::start(&folder, "KILL", &command);
        let access = S3Access {
            endpoint: Some(format!("http://127.0.0.1:{}", ports[6])),
            region: None,
            key: Some(KEY.to_owned()),
            secret: Some(SECRET.into()),
        };
        Some(Self { access, kept: Some(kept) })
    }

    /// Waits until a bucket can be made and written.
    pub(crate) async fn until_ready(&self) {
        let begin = Instant::now();
        loop {
            let objects = store::Objects::open("s3://probe/here", &self.access).expect("a sound URL");
            match objects.put("probe".into()).await {
                Ok(_) => return,
                Err(error) if begin.elapsed() > Duration::from_secs(60) => {
                    panic!("SeaweedFS does not start: {error:?}")
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(kept) = self.kept.take() {
            kept.stop();
        }
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("it is bound").port()).collect()
}
