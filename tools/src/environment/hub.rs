//! The hub of weights.

use std::env;
use std::path::PathBuf;

use ::hub::{DEFAULT_ENDPOINT, HubOptions, Token};
use anyhow::Context;

/// Which hub holds weights named `hf://...`, and where they are kept, by the variables that the hub's own tools read.
pub(crate) fn hub(variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<HubOptions> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let path = |name: &str| set(name).map(PathBuf::from);
    let home = || {
        let base = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME").or_else(env::home_dir)?.join(".cache")));
        base.map(|base| base.join("huggingface"))
    };
    let cache = path("HF_HUB_CACHE").or_else(|| Some(path("HF_HOME").or_else(home)?.join("hub")));
    let cache = cache.context("there is no home folder to keep weights in: set HF_HUB_CACHE to a folder")?;
    let token = match set("HF_TOKEN") {
        Some(text) => Some(Token::new(&text).context("HF_TOKEN is no token: it holds blanks or other odd characters")?),
        None => None,
    };
    let yes = |value: String| ["1", "true", "yes", "on"].contains(&value.trim().to_ascii_lowercase().as_str());
    Ok(HubOptions {
        endpoint: set("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
        token,
        offline: set("HF_HUB_OFFLINE").is_some_and(yes),
        ..HubOptions::new(cache)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_hub_is_named_as_its_own_tools_name_it() {
        let of = |pairs: &[(&str, &str)]| {
            let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            super::hub(&find)
        };
        let cache = |pairs: &[(&str, &str)]| of(pairs).expect("sound").cache;
        assert_eq!(cache(&[("HOME", "/h")]), Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("HF_HOME", "/f")]), Path::new("/f/hub"));
        assert_eq!(cache(&[("HF_HOME", "/f"), ("HF_HUB_CACHE", "/c")]), Path::new("/c"));
        let usual = of(&[("HOME", "/h"), ("HF_ENDPOINT", ""), ("HF_HUB_OFFLINE", "0")]).expect("sound");
        assert_eq!((usual.endpoint.as_str(), usual.offline), ("https://huggingface.co", false));
        assert!(usual.token.is_none());
        let other =
            of(&[("HOME", "/h"), ("HF_ENDPOINT", "http://m"), ("HF_HUB_OFFLINE", "True"), ("HF_TOKEN", "hf_a")]);
        let other = other.expect("sound");
        assert_eq!((other.endpoint.as_str(), other.offline, other.token.is_some()), ("http://m", true, true));
        let secret = of(&[("HOME", "/h"), ("HF_TOKEN", "hf_a b")]).expect_err("blank").to_string();
        assert!(secret.contains("HF_TOKEN") && !secret.contains("hf_a"), "{secret}");
    }
}
