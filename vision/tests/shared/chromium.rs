//! Headless Chromium behind chromedriver, one per test, gone afterwards.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use futures_util::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// One browser at a time: several at once starve each other on a small machine.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Longest wait for something to appear.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the window looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Screen {
    Desktop,
    Phone,
}

/// An open page.
pub(crate) struct Page {
    pub(crate) client: Client,
    driver: String,
    screen: Screen,
    pub(crate) folder: PathBuf,
}

/// chromedriver and all it started, killed when dropped.
struct Driver {
    process: Child,
    port: u16,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Its own process group: the browser dies with it even when a test panicked.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

impl Driver {
    fn start(program: &Path) -> Self {
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        Self { process, port: port.expect("chromedriver says its port") }
    }
}

fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

/// Runs `test` in a browser. Says so and returns when there is none; panics instead where `CI=true`.
pub(crate) async fn in_browser<F: Future<Output = ()>>(screen: Screen, test: impl FnOnce(Page) -> F) {
    let browser = find(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(browser), Some(driver)) = (browser, find(&["chromedriver"])) else {
        let message = "chromium and chromedriver are not installed (`make setup` installs them)";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
        return;
    };
    let _turn = TURN.lock().await;
    let profile = TempDir::new().expect("a temporary folder");
    let driver = Driver::start(&driver);
    let url = format!("http://127.0.0.1:{}", driver.port);
    let size = match screen {
        Screen::Desktop => (1440, 900),
        Screen::Phone => (390, 844),
    };
    let mut options = json!({
        "binary": browser,
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            format!("--window-size={},{}", size.0, size.1),
            format!("--user-data-dir={}", profile.path().display()),
        ],
    });
    if let Screen::Phone = screen {
        options["mobileEmulation"] = json!({
            "deviceMetrics": {"width": size.0, "height": size.1, "pixelRatio": 2.0, "touch": true, "mobile": true},
        });
    }
    let capabilities = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities.as_object().expect("an object").clone())
        .connect(&url)
        .await
        .expect("the browser starts");
    let folder = profile.path().to_owned();
    let page = Page { client: client.clone(), driver: url, screen, folder };
    if let Screen::Desktop = screen {
        // The window has a frame even when nobody sees it.
        let frame = page.run("return window.outerHeight - window.innerHeight").await.as_u64().unwrap_or(0);
        page.client.set_window_size(size.0, size.1 + frame as u32).await.expect("it has a size");
    }
    let result = AssertUnwindSafe(test(page)).catch_unwind().await;
    let _ = client.close().await;
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

impl Page {
    /// The first element that matches, once it is there and can be seen.
    pub(crate) async fn see(&self, css: &str) -> Element {
        let start = Instant::now();
        loop {
            if let Ok(element) = self.client.find(Locator::Css(css)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            assert!(start.elapsed() < PATIENCE, "{css} is not to be seen; log: {:?}", self.log().await);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.see(css).await.text().await.expect("it has text")
    }

    pub(crate) async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.expect("a list").len()
    }

    pub(crate) async fn click(&self, css: &str) {
        self.see(css).await.click().await.expect(css);
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect(script)
    }

    /// Waits until a script returns true.
    pub(crate) async fn until(&self, script: &str) {
        let start = Instant::now();
        while self.run(script).await != Value::Bool(true) {
            assert!(start.elapsed() < PATIENCE, "it never came to be: {script}; log: {:?}", self.log().await);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Chooses a file in the hidden input, as the dialogue would.
    pub(crate) async fn choose(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).expect("the folder can be written");
        let input = self.client.find(Locator::Css("#photo")).await.expect("the page takes photos");
        input.send_keys(&path.to_string_lossy()).await.expect("the file is chosen");
    }

    /// What the browser had to complain about so far: errors and breaches of the content security policy.
    pub(crate) async fn log(&self) -> Vec<String> {
        let session = self.client.session_id().await.ok().flatten().unwrap_or_default();
        use_ring();
        let request = reqwest::Client::new().post(format!("{}/session/{session}/se/log", self.driver));
        let Ok(response) = request.json(&json!({"type": "browser"})).send().await else { return Vec::new() };
        let body: Value = response.json().await.unwrap_or_default();
        let entries = body["value"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// What the page looks like for those who asked their system for dark windows, or no longer.
    pub(crate) async fn prefer_dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        let session = self.client.session_id().await.ok().flatten().unwrap_or_default();
        let url = format!("{}/session/{session}/goog/cdp/execute", self.driver);
        let answer = reqwest::Client::new().post(url).json(&command).send().await.expect("the driver answers");
        assert!(answer.status().is_success(), "{:?}", answer.text().await);
    }

    /// Kept for people to look at, when `SHELF_SCREENSHOTS` names a folder.
    pub(crate) async fn shoot(&self, name: &str) {
        let Some(folder) = std::env::var_os("SHELF_SCREENSHOTS") else { return };
        tokio::time::sleep(Duration::from_millis(300)).await;
        let image = self.client.screenshot().await.expect("an image");
        let size = format!("{:?}", self.screen).to_lowercase();
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        std::fs::write(Path::new(&folder).join(format!("{name}-{size}.png")), image).expect("it can be written");
    }
}

/// The page fits its window, and the browser has nothing to complain about but what is in `expected`.
pub(crate) async fn assert_sound(page: &Page, expected: &[&str]) {
    let wide = page.run("return document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(wide.as_f64().is_some_and(|over| over <= 0.0), "it scrolls sideways by {wide}");
    let log = page.log().await;
    let unexpected: Vec<_> = log.iter().filter(|line| !expected.iter().any(|text| line.contains(text))).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

/// HTTP clients want a cryptography for TLS, even where none is spoken; the workspace's is there.
pub(crate) fn use_ring() {
    // Chosen already, it stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
