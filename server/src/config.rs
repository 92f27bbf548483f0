//! What an operator may set about the server: defaults < file < environment < flags, one struct, checked before the port opens.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use juntos_engine::audience::AudiencePolicy;
use juntos_engine::exchange::{Currencies, CurrencyFault};
use juntos_engine::rules::{RuleFault, Rules};
use serde::{Deserialize, Serialize};

use crate::keys::OperatorKey;

/// Every variable of the environment that sets a key starts with this; `JUNTOS_LISTEN` sets `listen`.
pub const ENV_PREFIX: &str = "JUNTOS_";

/// How the server behaves. `config/server.toml` lists every key with its default, unit and meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address to listen on, which must be of loopback: the server knows no callers' keys.
    pub listen: SocketAddr,
    /// Threads that compute answers; 0 means one for each core.
    pub cpu_threads: usize,
    /// Threads that read and write sockets; 0 means one for each core.
    pub io_threads: usize,
    /// Questions that may wait for a CPU thread; the next one is refused with 503 and `Retry-After`.
    pub max_waiting: usize,
    /// Longest time from the request's head to the answer, milliseconds; beyond it the answer is 503.
    pub request_timeout_ms: u64,
    /// Longest time that requests in flight get to finish after a stop signal, milliseconds.
    pub drain_timeout_ms: u64,
    /// Largest request body in bytes, events excepted.
    pub max_body_bytes: usize,
    /// Largest body of `POST /v1/events` in bytes.
    pub max_events_bytes: usize,
    /// Most events in one request.
    pub max_events: usize,
    /// In how many invitations one person is suggested within seven days, whoever initiates.
    pub suggestions_a_week: u32,
    /// File that keeps what the server was told since the bundle was cut; empty keeps it in memory only.
    pub journal_file: PathBuf,
    /// Days after which the journal forgets what was shown, and events and teams that the bundle has in it.
    pub journal_days: u32,
    /// Folder of the ledger of sellers' audiences; made when the first one is asked for.
    pub audience_folder: PathBuf,
    /// Differential privacy of one audience: ε in thousandths.
    pub audience_epsilon_thousandths: u32,
    /// Audiences that one seller may draw in a month.
    pub audience_answers_a_month: u32,
    /// Whether what searches of the index read at random is copied into memory, with large pages, before serving.
    pub warm_index: bool,
    /// SHA-256 of the operator's key as 64 hexadecimal digits; empty means that there is none.
    pub operator_key_sha256: String,
    /// Which log lines are written, as `tracing` filters: `info`, `juntos=debug`.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Business rules of lists: caps, diversity, exploration, memory, pins, boosts, exclusions.
    pub rules: Rules,
    /// Rates by which filters compare prices in different currencies.
    pub currencies: Currencies,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            cpu_threads: 0,
            io_threads: 0,
            max_waiting: 1024,
            request_timeout_ms: 10_000,
            drain_timeout_ms: 10_000,
            max_body_bytes: 1 << 20,
            max_events_bytes: 8 << 20,
            max_events: 10_000,
            suggestions_a_week: 3,
            journal_file: PathBuf::from("juntos-journal"),
            journal_days: 30,
            audience_folder: PathBuf::from("juntos-audience"),
            audience_epsilon_thousandths: AudiencePolicy::default().epsilon_thousandths,
            audience_answers_a_month: AudiencePolicy::default().answers_a_month,
            warm_index: true,
            operator_key_sha256: String::new(),
            log: "info,hnsw_rs=warn".to_owned(),
            log_format: LogFormat::Text,
            rules: Rules::default(),
            currencies: Currencies::default(),
        }
    }
}

/// The keys that have a flag of their own; a flag beats file and environment.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServerFlags {
    /// Address to listen on [default: 127.0.0.1:8080]; loopback only, since the server knows no callers' keys
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Threads that compute answers; 0 means one for each core
    #[arg(long, value_name = "N")]
    pub cpu_threads: Option<usize>,
    /// Longest time for one request, milliseconds
    #[arg(long, value_name = "MS")]
    pub request_timeout_ms: Option<u64>,
    /// Which log lines are written: `info`, `juntos=debug`
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// How log lines look
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file {path}: {source}; check the path given with --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a wrong type or an unknown key.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        message: String,
    },
    /// A variable of the environment holds what its key cannot.
    #[error("{name}: {message}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A business rule cannot be.
    #[error("`rules.{}` {}", .0.key, .0.problem)]
    Rule(#[from] RuleFault),
    /// Rates of currencies cannot be used.
    #[error("`currencies`: {0}")]
    Currency(#[from] CurrencyFault),
    /// A value is out of its range.
    #[error("`{key}` is {got}; {expected}")]
    Range {
        /// The key.
        key: &'static str,
        /// What was set.
        got: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl ServerConfig {
    /// The settings from all four layers, checked.
    ///
    /// `environment` is handed in (`std::env::vars()` in the program) so that precedence can be tested.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, variable or key, and what it should be.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &ServerFlags,
    ) -> Result<Self, ConfigError> {
        let mut config = match file {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        config = config.with_environment(environment)?.with_flags(flags);
        config.check()?;
        Ok(config)
    }

    /// Longest time for one request.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// What may be told of sellers' audiences.
    pub fn audience_policy(&self) -> AudiencePolicy {
        let (epsilon_thousandths, answers_a_month) = (self.audience_epsilon_thousandths, self.audience_answers_a_month);
        AudiencePolicy { epsilon_thousandths, answers_a_month }
    }

    /// Longest time for requests in flight after a stop signal.
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|fault| ConfigError::File { path: path.to_owned(), message: fault.to_string().trim().to_owned() })
    }

    fn with_environment(self, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table = toml::Table::try_from(&self).expect("the settings are plain values");
        for (name, text) in environment {
            let Some(key) = name.strip_prefix(ENV_PREFIX).map(str::to_ascii_lowercase) else { continue };
            match table.get(&key) {
                Some(current) => {
                    let value = same_type(current, &text)
                        .map_err(|expected| ConfigError::Environment { name, message: unexpected(expected, &text) })?;
                    table.insert(key, value);
                }
                None => refuse_misspelt(&table, &name, &key)?,
            }
        }
        table.try_into().map_err(|fault: toml::de::Error| ConfigError::Environment {
            name: format!("{ENV_PREFIX}*"),
            message: fault.to_string().trim().to_owned(),
        })
    }

    fn with_flags(mut self, flags: &ServerFlags) -> Self {
        let ServerFlags { listen, cpu_threads, request_timeout_ms, log, log_format } = flags.clone();
        self.listen = listen.unwrap_or(self.listen);
        self.cpu_threads = cpu_threads.unwrap_or(self.cpu_threads);
        self.request_timeout_ms = request_timeout_ms.unwrap_or(self.request_timeout_ms);
        self.log = log.unwrap_or(self.log);
        self.log_format = log_format.unwrap_or(self.log_format);
        self
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] names the key.
    pub fn check(&self) -> Result<(), ConfigError> {
        let threads = "set it to 0 (one for each core) or up to 1024";
        in_range("cpu_threads", self.cpu_threads, 0..=1024, threads)?;
        in_range("io_threads", self.io_threads, 0..=1024, threads)?;
        in_range("max_waiting", self.max_waiting, 1..=1 << 20, "set it between 1 and 1048576")?;
        let times = "set it between 1 and 600000 milliseconds";
        in_range("request_timeout_ms", self.request_timeout_ms, 1..=600_000, times)?;
        in_range("drain_timeout_ms", self.drain_timeout_ms, 1..=600_000, times)?;
        let sizes = "set it between 1024 and 1073741824 bytes";
        in_range("max_body_bytes", self.max_body_bytes, 1 << 10..=1 << 30, sizes)?;
        in_range("max_events_bytes", self.max_events_bytes, 1 << 10..=1 << 30, sizes)?;
        in_range("max_events", self.max_events, 1..=1_000_000, "set it between 1 and 1000000")?;
        in_range("journal_days", self.journal_days, 1..=3650, "set it between 1 and 3650")?;
        let epsilons = "set it between 1 and 10000 thousandths";
        in_range("audience_epsilon_thousandths", self.audience_epsilon_thousandths, 1..=10_000, epsilons)?;
        in_range("audience_answers_a_month", self.audience_answers_a_month, 1..=1_000, "set it between 1 and 1000")?;
        self.operator_key()?;
        self.currencies.rates()?;
        Ok(self.rules.check()?)
    }

    /// The operator's key, as far as the server knows it.
    ///
    /// # Errors
    /// [`ConfigError::Range`] when it is no SHA-256. What was set is not repeated: it may be the key itself.
    pub fn operator_key(&self) -> Result<OperatorKey, ConfigError> {
        OperatorKey::from_hex(&self.operator_key_sha256).ok_or_else(|| ConfigError::Range {
            key: "operator_key_sha256",
            got: format!("a text of {} characters", self.operator_key_sha256.chars().count()),
            expected: "set it to 64 hexadecimal digits, as `printf %s \"$KEY\" | sha256sum` writes them",
        })
    }
}

fn in_range<T: PartialOrd + ToString>(
    key: &'static str,
    got: T,
    range: std::ops::RangeInclusive<T>,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if range.contains(&got) {
        return Ok(());
    }
    Err(ConfigError::Range { key, got: got.to_string(), expected })
}

/// `text` as a value of the type that `current` has, or what was expected.
fn same_type(current: &toml::Value, text: &str) -> Result<toml::Value, &'static str> {
    match current {
        toml::Value::Integer(_) => text.trim().parse().map(toml::Value::Integer).map_err(|_| "a whole number"),
        toml::Value::Boolean(_) => text.trim().parse().map(toml::Value::Boolean).map_err(|_| "`true` or `false`"),
        toml::Value::Table(_) => Err("a section of the file given by `--config`, not a variable"),
        _ => Ok(toml::Value::String(text.to_owned())),
    }
}

fn unexpected(expected: &str, text: &str) -> String {
    format!("expected {expected}, got `{}`", text.chars().take(40).collect::<String>())
}

/// Variables of other commands are none of our business; a variable nearly named like a key, or like its beginning, is a typing
/// error.
fn refuse_misspelt(keys: &toml::Table, name: &str, key: &str) -> Result<(), ConfigError> {
    let is_near = |known: &str| strsim::damerau_levenshtein(known, key) <= 2 || known.starts_with(key);
    let near = keys.keys().find(|known| is_near(known));
    match near {
        Some(known) => Err(ConfigError::Environment {
            name: name.to_owned(),
            message: format!("there is no such setting; did you mean {ENV_PREFIX}{}?", known.to_ascii_uppercase()),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(file: &str, environment: &[(&str, &str)], flags: &ServerFlags) -> Result<ServerConfig, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        std::fs::write(&path, file).unwrap();
        let environment = environment.iter().map(|(name, text)| (name.to_string(), text.to_string()));
        ServerConfig::load(Some(&path), environment, flags)
    }

    fn message(result: Result<ServerConfig, ConfigError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_file_lists_every_key_with_its_default() {
        let text = include_str!("../../config/server.toml");
        let read: toml::Table = toml::from_str(text).unwrap();
        let defaults = toml::Table::try_from(ServerConfig::default()).unwrap();
        assert_eq!(read, defaults);
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
        let flags = ServerFlags { cpu_threads: Some(4), ..Default::default() };
        let file = "cpu_threads = 2\nmax_waiting = 7\nlog = 'debug'";
        let environment = [("JUNTOS_CPU_THREADS", "3"), ("JUNTOS_MAX_WAITING", "8"), ("JUNTOS_DATASETS", "elsewhere")];
        let config = with(file, &environment, &flags).unwrap();
        assert_eq!((config.cpu_threads, config.max_waiting, config.log.as_str()), (4, 8, "debug"));
        assert_eq!(config.max_events, ServerConfig::default().max_events);
    }

    #[test]
    fn the_environment_sets_every_plain_key() {
        let defaults = toml::Table::try_from(ServerConfig::default()).unwrap();
        for (key, value) in defaults {
            let name = format!("{ENV_PREFIX}{}", key.to_ascii_uppercase());
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let set = with("", &[(&name, &text)], &ServerFlags::default());
            if value.is_table() {
                let refused = message(set);
                assert!(refused.starts_with(&format!("{name}: expected a section of the file")), "{refused}");
            } else {
                assert_eq!(set.unwrap(), ServerConfig::default(), "{name}");
            }
        }
        let config = with("", &[("JUNTOS_WARM_INDEX", "false")], &ServerFlags::default()).unwrap();
        assert!(!config.warm_index);
    }

    #[test]
    fn rules_are_read_and_survive_the_other_layers() {
        let file = "[[rules.pins]]\nproduct_id = 'p'\nposition = 3\nscope = { countries = ['ES'], surfaces = ['game'] }\n\
                    [[rules.boosts]]\nfilter = { categories = ['food'], price_max_minor = 5, currency = 'EUR' }\nscore = -0.5\n\
                    [[rules.exclusions]]\nfilter = { product_ids = ['x'] }\nscope = { until = '2026-03-01T12:00:00Z' }";
        let config = with(file, &[("JUNTOS_MAX_WAITING", "8")], &ServerFlags::default()).unwrap();
        let rules = &config.rules;
        assert_eq!((rules.pins[0].position, rules.pins[0].scope.countries.len()), (3, 1));
        assert_eq!((rules.boosts[0].score, rules.boosts[0].filter.price_max_minor), (-0.5, Some(5)));
        assert_eq!(rules.exclusions[0].filter.product_ids, ["x"]);
        assert!(rules.exclusions[0].scope.until.is_some());
        assert_eq!(rules.caps, Rules::default().caps);
    }

    #[test]
    fn rates_are_read_exactly_and_survive_the_other_layers() {
        let file = "[currencies]\nreference = 'EUR'\n[currencies.rates]\nRUB = '0.0108'\nTRY = '0.0205'";
        let config = with(file, &[("JUNTOS_MAX_WAITING", "8")], &ServerFlags::default()).unwrap();
        assert_eq!(config.currencies, toml::from_str::<ServerConfig>(file).unwrap().currencies);
        let rates: Vec<String> = config.currencies.rates.values().map(ToString::to_string).collect();
        assert_eq!(rates, ["0.0108", "0.0205"]);
    }

    #[test]
    fn rates_that_nothing_can_be_reckoned_with_are_refused() {
        let none = ServerFlags::default();
        let refused = |file: &str| message(with(file, &[], &none));
        let alone = refused("[currencies.rates]\nRUB = '0.0108'");
        assert!(alone.starts_with("`currencies`: `reference` is absent although there are rates"), "{alone}");
        let twice = refused("[currencies]\nreference = 'EUR'\nrates = { EUR = '1' }");
        assert!(twice.starts_with("`currencies`: `rates.EUR` is 1, but EUR is the reference"), "{twice}");
        let inexact = refused("[currencies]\nreference = 'EUR'\nrates = { RUB = 0.0108 }");
        assert!(inexact.contains("expected a string"), "{inexact}");
        let none_at_all = refused("[currencies]\nreference = 'EUR'\nrates = { RUB = '0' }");
        assert!(none_at_all.contains("a decimal above 0") && none_at_all.contains("got `0`"), "{none_at_all}");
        assert!(refused("[currencies]\nreference = 'euro'").contains("ISO 4217"));
    }

    #[test]
    fn unknown_keys_wrong_types_and_ranges_are_refused_by_name() {
        let none = ServerFlags::default();
        assert!(message(with("cpu_thread = 2", &[], &none)).contains("unknown field `cpu_thread`"));
        assert!(message(with("cpu_threads = 'two'", &[], &none)).contains("invalid type"));
        let no_hash = message(with("operator_key_sha256 = 'my-secret'", &[], &none));
        assert!(no_hash.starts_with("`operator_key_sha256` is a text of 9 characters; set it to 64"), "{no_hash}");
        assert!(!no_hash.contains("my-secret"));
        assert_eq!(message(with("max_waiting = 0", &[], &none)), "`max_waiting` is 0; set it between 1 and 1048576");
        assert_eq!(
            message(with("", &[("JUNTOS_MAX_WAITING", "many")], &none)),
            "JUNTOS_MAX_WAITING: expected a whole number, got `many`"
        );
        assert_eq!(
            message(with("", &[("JUNTOS_LISTN", "127.0.0.1:1")], &none)),
            "JUNTOS_LISTN: there is no such setting; did you mean JUNTOS_LISTEN?"
        );
        assert_eq!(
            message(with("", &[("JUNTOS_REQUEST_TIMEOUT", "5")], &none)),
            "JUNTOS_REQUEST_TIMEOUT: there is no such setting; did you mean JUNTOS_REQUEST_TIMEOUT_MS?"
        );
        assert_eq!(
            message(with("", &[("JUNTOS_WARM_INDEX", "yes")], &none)),
            "JUNTOS_WARM_INDEX: expected `true` or `false`, got `yes`"
        );
        assert!(message(with("", &[("JUNTOS_LISTEN", "here")], &none)).contains("invalid socket address"));
        assert_eq!(
            message(with("[rules.caps]\nbrand = 2", &[], &none)),
            "`rules.caps.brand` is 2; set it between 0 and 1"
        );
        let empty = "[[rules.exclusions]]\nfilter = { product_ids = [], categories = ['food'] }";
        assert!(message(with(empty, &[], &none)).contains("name at least one product, or leave it out"));
        let misspelt = "[[rules.exclusions]]\nfilter = { brand = ['x'] }";
        assert!(message(with(misspelt, &[], &none)).contains("unknown field `brand`"));
        let absent = ServerConfig::load(Some(Path::new("no-such-file.toml")), [], &none);
        assert!(message(absent).contains("no-such-file.toml"));
    }
}
